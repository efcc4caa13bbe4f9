// throwInto on a fiber that is: not started, running itself, finished, and one that has thrown; then with two arguments on a fiber that was never started.
var Fiber = require('fibers');
function e(f) { try { f(); return 'no error'; } catch (x) { return x.name + ': ' + x.message; } }
var out = [];
var f = Fiber(function(t) { if (t) throw new Error('own'); out.push(e(function() { f.throwInto(new Error('x')); })); });
out.push(e(function() { f.throwInto(new Error('x')); }));
f.run();
out.push(e(function() { f.throwInto(new Error('x')); }));
e(function() { f.run(true); });
out.push(e(function() { f.throwInto(); }));
out.push(e(function() { Fiber(function() {}).throwInto(1, 2); }));
console.log(out.join(' | '));
