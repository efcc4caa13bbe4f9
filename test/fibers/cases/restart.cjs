// Running a fiber again after it finished, after it threw, and what is left on it.
var Fiber = require('fibers');
var n = 0, out = [];
var f = Fiber(function(x) {
  Fiber.current.count = (Fiber.current.count || 0) + 1;
  ++n;
  if (x === 'throw') throw new Error('t');
  Fiber.yield('y' + n);
  return 'r' + x;
});
out.push(f.run('A'), f.run('B'), f.started, f.run('C'), f.run('D'));
try { f.run('throw'); } catch (e) { out.push(e.message, f.started); }
out.push(f.run('E'), f.run('F'), f.count);
console.log(out.join(' '));
