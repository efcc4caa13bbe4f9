// Suspending from inside engine-called functions.
var Fiber = require('fibers');
function y() { return Fiber.yield(); }
var tests = {
  sort: function() { return [3, 1, 2].sort(function(a, b) { y(); return a - b; }).join(''); },
  json: function() { return JSON.stringify({ a: { toJSON: function() { y(); return 1; } } }); },
  replace: function() { return 'aba'.replace(/a/g, function() { y(); return 'c'; }); },
  getter: function() { return { get x() { y(); return 'g'; } }.x; },
  proxy: function() { return new Proxy({}, { get: function() { y(); return 'p'; } }).z; },
  ctor: function() { class K { constructor() { y(); this.k = 'k'; } } return new K().k; },
  gen: function() { function* g() { y(); yield 1; y(); yield 2; } return Array.from(g()).join(''); },
  prim: function() { return '' + { [Symbol.toPrimitive]: function() { y(); return 'tp'; } }; },
  executor: function() { var z; new Promise(function(r) { y(); z = 'ex'; r(); }); return z; },
  eval: function() { return eval('y(); "ev"'); }
};
console.log(Object.keys(tests).map(function(n) {
  var f = Fiber(tests[n]), r, yields = -1;
  try { do { r = f.run(); ++yields; } while (f.started); } catch (e) { r = e.name + ' ' + e.message; }
  return n + '=' + r + '/' + yields;
}).join(' '));
