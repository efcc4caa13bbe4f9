// What is printed; the tests compare it.
var Fiber = require('fibers');
function e(f) { try { f(); return 'no error'; } catch (x) { return x.name + ': ' + x.message; } }
function fn() {}
console.log([
  e(function() { Fiber(); }),
  e(function() { Fiber(fn, 1); }),
  e(function() { new Fiber('x'); }),
  e(function() { new Fiber(class {}); }),
  String(Fiber.call({ a: 1 }, fn) instanceof Fiber)
].join(' | '));
