// Fiber.yield calls made while the fiber is being unwound by reset().
var Fiber = require('fibers');
var out = [], first;
var f = Fiber(function() {
  try {
    Fiber.yield();
  } catch (e) {
    first = e;
    for (var i = 0; i < 3; ++i) {
      try { out.push('got ' + Fiber.yield(i)); } catch (e2) { out.push(e2 === first ? 'same' : 'different'); }
    }
    try { Fiber.yield(1, 2); } catch (e3) { out.push(e3.message); }
  } finally {
    out.push('finally');
    Fiber.yield();
    out.push('after');
  }
});
f.run();
out.push('reset -> ' + f.reset());
console.log(out.join(' | '));
