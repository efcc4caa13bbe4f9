// As collected-revived, with a turn of the loop between the collection and the next run(): the object is a new one.
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
  setTimeout(function() {
    Fiber(function() {}).run();
    out.push(saved ? saved.tag + ' ' + saved.started : 'not collected');
    try { out.push(saved.run('again'), saved.run(5), saved.started); } catch (e) { out.push(e.message); }
    console.log(out.join(' | '));
  }, 100);
}, 100);
