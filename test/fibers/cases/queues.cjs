// In which order are the labels printed?
var Fiber = require('fibers');
var out = [];
var f = Fiber(function() {
  out.push('f1');
  Promise.resolve().then(function() { out.push('p-f1'); });
  process.nextTick(function() { out.push('t-f1'); });
  Fiber.yield();
  out.push('f2');
  Promise.resolve().then(function() { out.push('p-f2'); });
  process.nextTick(function() { out.push('t-f2'); });
  Fiber.yield();
  out.push('f3');
});
setTimeout(function() {
  Promise.resolve().then(function() { out.push('p-a'); f.run(); out.push('p-b'); });
  Promise.resolve().then(function() { out.push('p-c'); });
  process.nextTick(function() { out.push('t-a'); });
  f.run();
  out.push('main');
  setImmediate(function() { f.run(); console.log(out.join(' ')); });
}, 1);
