// Callbacks that throw: on a pending future with a second callback behind the thrower; on an already resolved future; detach() on a future that failed earlier and on one that fails later.
var Future = require('fibers/future');
var out = [];
process.on('uncaughtException', function(e) { out.push('uncaught ' + e.message); });
function e(l, f) { try { f(); out.push(l + ' ok'); } catch (x) { out.push(l + ' threw ' + x.message); } }
var a = new Future();
a.resolve(function() { throw new Error('cb1'); });
a.resolve(function() { out.push('cb2 ran'); });
e('return', function() { a.return(1); });
e('resolve', function() { a.resolve(function() { throw new Error('cb3'); }); });
var b = new Future(), c = new Future();
b.throw(new Error('b'));
e('detach-b', function() { b.detach(); });
c.detach();
e('throw-c', function() { c.throw(new Error('c')); });
out.push('main end');
setTimeout(function() { console.log(out.join(' | ')); }, 1000);
