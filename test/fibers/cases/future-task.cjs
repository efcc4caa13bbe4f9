// Future.task with several functions: values when all succeed; which error wins when several fail at different times and when it is delivered; a single function that fails; no function at all.
var Future = require('fibers/future');
var out = [];
function later(ms, v, err) { return function() { var f = new Future(); setTimeout(function() { f.return(); }, ms); f.wait(); out.push('end ' + v); if (err) throw new Error(v); return v; }; }
Future.task(later(150, 'a'), later(50, 'b'), function() { return arguments.length; }).resolve(function(e, v) { out.push('values ' + JSON.stringify(v)); });
Future.task(later(300, 'E1', true), later(400, 'E2', true), later(500, 'c')).resolve(function(e, v) { out.push('failed ' + e.message + ' ' + v); });
Future.task(function() { throw 'str'; }).resolve(function(e) { out.push('single ' + e); });
var none = Future.task();
setTimeout(function() { out.push('none resolved ' + none.isResolved()); console.log(out.join(' | ')); }, 1000);
