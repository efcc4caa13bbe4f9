// .future(true) = detached; body throwing undefined; nested future as return value
var Future = require('fibers/future');
var out = [];
process.on('uncaughtException', function(e) { out.push('uncaught ' + (e && e.message)); });
var f1 = function() { throw new Error('det'); }.future(true)();
var f2 = function() { throw undefined; }.future()();
var inner = new Future(); inner.return('in');
var f3 = function() { return inner; }.future()();
setTimeout(function() {
  out.push(f1.isResolved(), f2.isResolved(), f3.get() === inner);
  console.log(out.join(' | '));
}, 100);
