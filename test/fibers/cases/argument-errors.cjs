// Exact text of the five errors
var Fiber = require('fibers');
function e(f) { try { f(); return 'no error'; } catch (x) { return x.name + ': ' + x.message; } }
var out = [e(function() { Fiber.yield(); }), e(function() { Fiber.yield(1, 2); })];
var f = Fiber(function() { out.push(e(function() { Fiber.yield(1, 2); })); Fiber.yield(); });
out.push(e(function() { f.run(1, 2); }));
f.run();
out.push(e(function() { f.throwInto(1, 2); }));
console.log(out.join(' | '));
