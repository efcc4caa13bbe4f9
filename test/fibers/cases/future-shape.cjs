// After loading fibers/future: (What for-in finds on a plain function; length and name of Function.prototype.future; what Future() without new gives; whether (new Future).constructor is Future; own keys of a new Future; enumerable keys of Future.)
var Future = require('fibers/future');
var out = [], names = [];
for (var k in function() {}) names.push(k);
out.push(names.join(), Function.prototype.future.length, JSON.stringify(Function.prototype.future.name));
out.push(String(Future()), new Future().constructor === Future, Object.keys(new Future()).length, Object.keys(Future).join());
console.log(out.join(' | '));
