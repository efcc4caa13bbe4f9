// An uncaught error from a fiber that a timer resumed, as seen in process.on('uncaughtException').
var Fiber = require('fibers');
var out = [];
var f = Fiber(function(x) {
  if (x === 'again') return 'restarted';
  process.nextTick(function() { out.push('tick'); });
  Fiber.yield();
  process.nextTick(function() { out.push('tick2'); });
  try { throw new Error('boom'); } finally { out.push('finally'); }
});
process.on('uncaughtException', function(err) {
  out.push(err.message, 'current ' + Fiber.current, 'started ' + f.started);
  out.push(f.run('again'));
});
f.run('first');
out.push('main');
setTimeout(function() { f.run(); out.push('not reached'); }, 5);
setTimeout(function() { console.log(out.join(' | ')); }, 150);
