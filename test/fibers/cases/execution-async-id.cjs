// async_hooks.executionAsyncId() seen around a fiber that is started from a timer and resumed from another timer. "T" stands for any number greater than 1.
var Fiber = require('fibers'), ah = require('async_hooks');
var out = [];
function note(l) { var i = ah.executionAsyncId(); out.push(l + ' ' + (i > 1 ? 'T' : i)); }
note('main');
var f = Fiber(function() {
  note('start');
  Fiber.yield();
  note('resumed');
  var r = new ah.AsyncResource('X');
  r.runInAsyncScope(function() { note('scope'); Fiber.yield(); note('scope resumed'); });
  note('scope left');
});
setTimeout(function() {
  note('timer1');
  f.run();
  note('timer1 after');
  setTimeout(function() {
    note('timer2');
    f.run();
    note('timer2 after');
    f.run();
    note('timer2 end');
    console.log(out.join(' | '));
  }, 5);
}, 1);
