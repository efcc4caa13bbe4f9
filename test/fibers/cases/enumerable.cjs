// Four fields: enumerable names seen by for-in on an instance, own keys of the instance, Object.keys(Fiber), keys of the prototype object that are not enumerable.
var Fiber = require('fibers');
var f = Fiber(function() {});
f.mine = 1;
var seen = [];
for (var k in f) seen.push(k);
var hidden = Object.getOwnPropertyNames(Fiber.prototype).filter(function(n) {
  return Object.keys(Fiber.prototype).indexOf(n) < 0;
});
console.log([seen.sort(), Object.keys(f), Object.keys(Fiber).sort(), hidden.sort()].join(' | '));
