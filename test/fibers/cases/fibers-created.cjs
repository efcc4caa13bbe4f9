// Default poolSize; fibersCreated at load, after constructing ten fibers, after running three one after the other to the end, after three are suspended at the same time, after those three finish and three more are suspended.
var Fiber = require('fibers');
var out = [Fiber.poolSize, Fiber.fibersCreated];
for (var i = 0; i < 10; ++i) Fiber(function() {});
out.push(Fiber.fibersCreated);
for (i = 0; i < 3; ++i) Fiber(function() {}).run();
out.push(Fiber.fibersCreated);
function three() { return [1, 2, 3].map(function() { var f = Fiber(function() { Fiber.yield(); }); f.run(); return f; }); }
var l = three();
out.push(Fiber.fibersCreated);
l.forEach(function(f) { f.run(); });
l = three();
out.push(Fiber.fibersCreated);
Fiber.poolSize = '7.9';
out.push(Fiber.poolSize, typeof Fiber.poolSize);
console.log(out.join(' '));
