// What `this` is inside the fiber function: sloppy mode, strict mode, and when Fiber itself was called with a receiver.
var Fiber = require('fibers');
var out = [];
Fiber(function() { out.push(this === global); }).run();
Fiber(function() { 'use strict'; out.push(this === undefined, this === global); }).run();
Fiber.call({ x: 1 }, function() { 'use strict'; out.push(this === global); }).run();
console.log(out.join(' '));
