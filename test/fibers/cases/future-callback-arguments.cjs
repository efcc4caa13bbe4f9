// Number of arguments and values a resolve() callback gets: pending then returned, pending then thrown, already returned, already thrown; and what resolve, resolveSuccess, proxy, proxyErrors, detach, return each give back: "this" or the value.
var Future = require('fibers/future');
var out = [];
function cb(l) { return function() { out.push(l + ':' + arguments.length + ':' + Array.prototype.map.call(arguments, function(a) { return a instanceof Error ? a.message : String(a); }).join(',')); }; }
var a = new Future(), b = new Future(), c = new Future();
a.resolve(cb('pending-ok'));
b.resolve(cb('pending-err'));
a.return('v');
b.throw(new Error('E'));
a.resolve(cb('done-ok'));
b.resolve(cb('done-err'));
function t(v) { return v === c ? 'this' : String(v); }
out.push([c.resolve(function() {}), c.resolveSuccess(function() {}), c.proxy(new Future()), c.proxyErrors([]), c.detach(), c.return(1)].map(t).join(','));
console.log(out.join(' | '));
