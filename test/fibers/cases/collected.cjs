// Order of events for a suspended fiber that became unreachable and was garbage collected.
var Fiber = require('fibers');
require('v8').setFlagsFromString('--expose_gc');
var gc = require('vm').runInNewContext('gc');
var log = [];
(function() {
  Fiber(function() {
    try { Fiber.yield(); log.push('resumed'); }
    catch (e) { log.push('caught ' + e.message + ', current ' + typeof Fiber.current); }
    finally { log.push('finally'); }
  }).run();
})();
setTimeout(function() {
  gc(); gc();
  log.push('gc done');
  setTimeout(function() {
    gc();
    log.push('next tick');
    Fiber(function() { log.push('other fiber'); });
    log.push('constructed');
    Fiber(function() { log.push('other fiber'); }).run();
    console.log(log.join(' > '));
  }, 100);
}, 100);
