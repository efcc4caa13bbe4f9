// process.domain in a fiber that is started inside a domain and resumed by a timer set outside it; and who gets the error it then throws.
var Fiber = require('fibers'), domain = require('domain');
var d = domain.create(), out = [];
d.on('error', function(e) { out.push('domain got ' + e.message); console.log(out.join(' | ')); });
process.on('uncaughtException', function(e) { out.push('process got ' + e.message); console.log(out.join(' | ')); });
var f = Fiber(function() {
  out.push('start ' + (process.domain === d));
  Fiber.yield();
  out.push('resumed ' + (process.domain === d) + ' ' + (process.domain == null));
  throw new Error('boom');
});
d.run(function() { f.run(); });
out.push('outside ' + (process.domain == null));
setTimeout(function() { f.run(); }, 5);
