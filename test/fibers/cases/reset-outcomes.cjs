// What the body catches on reset(), and what reset() returns or throws: uncaught; caught then return; caught then another error; caught then a fresh Error with the same message; caught then rethrow of the error kept from an EARLIER reset.
var Fiber = require('fibers');
var out = [], kept;
function t(name, onZombie) {
  var f = Fiber(function() { try { Fiber.yield(); } catch (e) { return onZombie(e); } });
  f.run();
  try { out.push(name + ' returned ' + f.reset()); } catch (e) { out.push(name + ' threw ' + e.name + ': ' + e.message); }
}
t('uncaught', function(e) { kept = e; out.push(e.name + ': ' + e.message); throw e; });
t('return', function() { return 'v'; });
t('other', function() { throw new TypeError('other'); });
t('same-text', function(e) { throw new Error(e.message); });
t('kept', function() { throw kept; });
console.log(out.join(' | '));
