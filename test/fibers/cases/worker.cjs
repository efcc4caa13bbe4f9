// The package loaded in the main thread, then required in a worker thread. Fields: what require gave or threw in the worker, and whether the main thread's Fiber still works afterwards.
var wt = require('worker_threads');
if (wt.isMainThread) {
  var Fiber = require('fibers');
  var w = new wt.Worker(__filename, { stderr: true, env: process.env });
  w.on('message', function(m) {
    var f = Fiber(function() { return Fiber.yield('a') + 'c'; });
    console.log(m + ' | main: ' + f.run() + f.run('b'));
  });
  w.on('error', function(e) { console.log('worker error ' + e.message); });
} else {
  var r;
  try { var F = require('fibers'); r = typeof F; if (F) r += ' ' + F(function() { return 'ran'; }).run(); } catch (e) { r = 'threw ' + e.name + ': ' + e.message; }
  wt.parentPort.postMessage(r);
}
