// In which fiber, and when, do future-function bodies run: waited on at once; waited on one tick later; two of them in one Future.wait.
var Fiber = require('fibers'), Future = require('fibers/future');
var out = [], outer;
function body(l) { out.push(l + ' ' + (Fiber.current === outer ? 'same' : 'own')); return l; }
var g = body.future();
outer = Fiber(function() {
  var x = g('now');
  out.push('made');
  x.wait();
  var y = g('later'), tick = new Future();
  process.nextTick(function() { tick.return(); });
  tick.wait();
  y.wait();
  process.nextTick(function() { out.push('tick'); });
  var p = g('p'), q = g('q');
  Future.wait([p, q]);
  out.push(p.get() + q.get());
});
outer.run();
setTimeout(function() { console.log(out.join(' | ')); }, 500);
