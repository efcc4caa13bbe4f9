// All calls are made outside any fiber.
var Future = require('fibers/future');
function e(f) { try { return 'returned ' + f(); } catch (x) { return x.name + ': ' + x.message; } }
var done = new Future(), bad = new Future(), pending = new Future();
done.return('v');
bad.throw(new TypeError('bad'));
console.log([
  e(function() { return done.wait(); }),
  e(function() { return bad.wait(); }),
  e(function() { return pending.wait(); }),
  e(function() { return Future.wait(done); }),
  e(function() { return Future.wait(); }),
  e(function() { return Future.wait(3); })
].join(' | '));
