// Future.fromPromise with a rejection whose reason is undefined; with a fulfilled promise, when is it resolved; promise() of a resolved future; what waiting on a promise-backed future in a fiber gives.
var Fiber = require('fibers'), Future = require('fibers/future');
var out = [];
process.on('unhandledRejection', function(e) { out.push('unhandled ' + e.message); });
var bad = Future.fromPromise(Promise.reject());
var good = Future.fromPromise(Promise.resolve('g'));
out.push('sync ' + good.isResolved());
Promise.resolve().then(function() { out.push('micro ' + good.isResolved()); });
good.resolve(function() { out.push('resolve-cb'); });
Fiber(function() { out.push('waited ' + good.wait() + ' ' + good.promise().constructor.name); }).run();
good.promise().then(function(v) { out.push('promise ' + v); });
setTimeout(function() { out.push('bad resolved ' + bad.isResolved()); console.log(out.join(' | ')); }, 500);
