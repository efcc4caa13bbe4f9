// Waiting on a failed future from a function called waiter: is the same error object thrown each time; does its stack after wait() contain the line "    - - - - -"; does it name waiter; is there an own futureStack property, is it enumerable, is it equal to the stack; what waiting gives when the error was frozen; when the value thrown was a string.
var Future = require('fibers/future');
function make(v) { var f = new Future(); f.throw(v); return f; }
function waiter(f) { try { f.wait(); } catch (e) { return e; } }
var err = new Error('orig'), before = err.stack, f = make(err);
var e1 = waiter(f), e2 = waiter(f);
var d = Object.getOwnPropertyDescriptor(err, 'futureStack');
var fz = Object.freeze(new Error('frozen')), e3 = waiter(make(fz));
console.log([
  e1 === err && e2 === err, /- - - - -/.test(e2.stack), /waiter/.test(e2.stack), e2.stack === before,
  d ? 'futureStack e=' + d.enumerable + ' same=' + (d.value === before) : 'no futureStack',
  e3 === fz ? 'frozen itself' : e3.name + ': ' + e3.message, waiter(make('str'))
].join(' | '));
