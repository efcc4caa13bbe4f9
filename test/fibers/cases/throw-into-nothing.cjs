// throwInto() without an argument: what the fiber catches, what throwInto returns, and what comes out if the fiber does not catch.
var Fiber = require('fibers');
var out = [];
var f = Fiber(function() {
  try { Fiber.yield(1); } catch (e) { out.push('caught ' + typeof e); }
  Fiber.yield('second');
  return 'never';
});
f.run();
out.push('returned ' + f.throwInto());
try { f.throwInto(); out.push('no throw'); } catch (e) { out.push('out came ' + String(e)); }
out.push(f.started);
out.push('run again ' + f.run());
console.log(out.join(' | '));
