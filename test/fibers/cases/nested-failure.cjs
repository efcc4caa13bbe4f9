// c = name of Fiber.current, s = started flags of outer/inner.
var Fiber = require('fibers');
var out = [];
function who() { return Fiber.current === undefined ? 'undef' : Fiber.current === outer ? 'outer' : Fiber.current === inner ? 'inner' : '?'; }
function note(l) { out.push(l + ' c=' + who() + ' s=' + outer.started + '/' + inner.started); }
var inner = Fiber(function() { note('in'); Fiber.yield(); note('in2'); throw new Error('E'); });
var outer = Fiber(function() { inner.run(); note('mid'); Fiber.yield(); inner.run(); });
note('top');
outer.run();
note('top2');
try { outer.run(); } catch (e) { note('caught ' + e.message); }
console.log(out.join('\n'));
