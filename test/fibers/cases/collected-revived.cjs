// A collected fiber stores itself in a global while it is unwound; then it is used again.
var Fiber = require('fibers');
require('v8').setFlagsFromString('--expose_gc');
var gc = require('vm').runInNewContext('gc');
var saved, out = [];
(function() {
  Fiber(function(x) {
    if (x === 'again') { var v = Fiber.yield('alive'); return 'got ' + v; }
    try { Fiber.yield(); } catch (e) { saved = Fiber.current; saved.tag = 'T'; }
  }).run();
})();
setTimeout(function() {
  gc(); gc();
  Fiber(function() {}).run();
  out.push(saved ? saved.tag + ' ' + saved.started : 'not collected');
  try { out.push(saved.run('again'), saved.run(5), saved.started); } catch (e) { out.push(e.message); }
  console.log(out.join(' | '));
}, 100);
