// What is printed; the tests compare it.
var Fiber = require('fibers');
var out = [];
var f = Fiber(function() {
  out.push(arguments.length);
  var y = Fiber.yield('y');
  out.push(String(y));
  return 'r';
});
out.push(f.run());
out.push(f.run());
out.push(f.run(undefined));
out.push(f.run(null));
console.log(out.join(' '));
