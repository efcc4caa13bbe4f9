// Future.wait argument forms inside a fiber: a promise, null, an array in an array, an array holding undefined; duplicates of a pending future; a future that failed; only resolved ones.
var Fiber = require('fibers'), Future = require('fibers/future');
function e(f) { try { return 'returned ' + f(); } catch (x) { return x.name + ': ' + x.message; } }
var out = [], p = new Future(), ok = new Future(), bad = new Future();
ok.return(1);
bad.throw(new Error('bad'));
var f = Fiber(function() {
  out.push(e(function() { return Future.wait(Promise.resolve()); }));
  out.push(e(function() { return Future.wait(null); }));
  out.push(e(function() { return Future.wait([[ok]]); }));
  out.push(e(function() { return Future.wait([undefined]); }));
  out.push(e(function() { return Future.wait(ok, [bad, ok]); }));
  out.push(e(function() { return Future.wait(p, [p, p], p); }));
  out.push('end');
});
f.run();
out.push('waiting ' + f.started);
p.return(2);
out.push('after ' + f.started);
console.log(out.join(' | '));
