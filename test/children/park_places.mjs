// park_places.mjs ADDON: parks at every kind of place below frames of others, three coroutines at a time, which go on first in,
// first out. Prints the outcomes as JSON: [group, place, "parks" | the code of the error that the park threw | ...].
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import domain from 'node:domain';
import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import inspector from 'node:inspector';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, Readable } from 'node:stream';
import util from 'node:util';
import vm from 'node:vm';
import { atomic, sleep, spawn, wait } from 'stackful';

const require = createRequire(import.meta.url);
const { Event, EventTarget } = globalThis;
const addon = require(process.argv[2]);
const directory = mkdtempSync(join(tmpdir(), 'park-places-'));
let files = 0;
/** A module of its own, whose body parks. */
function moduleFile(text, extension) {
  const file = join(directory, `${String(files++)}.${extension}`);
  writeFileSync(file, text);
  return file;
}

/** A callback that runs in no coroutine, because Node calls it: a park there is refused, and the coroutine waits for it. */
const called = (start) => (park) => wait(new Promise((done, fail) => { start(() => { try { done(park()); } catch (error) { fail(error); } }); }));
const text = (park) => ({ toString() { park(); return 'a'; } });

/** [place, function that has `park` called there, and returns something that depends on all having gone well] */
const javascript = [
  ['`Array.prototype.join`, `toString`, `toLocaleString`: an element\'s conversion', (park) => [text(park), [text(park)]].join() + [text(park)].toLocaleString()],
  ['template literal, `+`: `toString`, `valueOf`, `Symbol.toPrimitive`', (park) => `${text(park)}${1 + { valueOf() { park(); return 1; } }}`],
  ['`sort`: the comparison', (park) => [3, 1, 2].sort((a, b) => { park(); return a - b; })],
  ['`map`, `forEach`, `reduce`, `Array.from`: the callback', (park) => Array.from([1, 2], (n) => { park(); return n; }).map((n) => { park(); return n; }).reduce((a, b) => { park(); return a + b; })],
  ['`String.prototype.replace`: the callback', (park) => 'abc'.replace(/b/g, () => { park(); return 'x'; })],
  ['`RegExp`: an `exec` of one\'s own below `replace`', (park) => { const re = /b/; re.exec = (s) => { park(); return RegExp.prototype.exec.call(/b/, s); }; return 'abc'.replace(re, 'x'); }],
  ['getter, setter', (park) => ({ set b(value) { park(); this.c = value; }, get a() { park(); return (this.b = 1); } }).a],
  ['`JSON.stringify`: `toJSON`; `JSON.parse`: the reviver', (park) => JSON.parse(JSON.stringify({ toJSON() { park(); return [1]; } }), (key, value) => { park(); return value; })],
  ['Proxy: a trap', (park) => Object.keys({ ...new Proxy({ a: 1 }, { ownKeys(o) { park(); return Reflect.ownKeys(o); }, get(o, key) { park(); return o[key]; } }) })],
  ['`for`-`of`, spread, destructuring: an iterator\'s `next`', (park) => { const from = { [Symbol.iterator]: () => { let n = 0; return { next() { park(); return { done: n > 2, value: n++ }; } }; } }; const [a, ...b] = from; return [...from, a, b]; }],
  ['the body of a generator', (park) => [...(function* () { yield 1; park(); yield 2; })()]],
  ['constructor, field, static block', (park) => { class A { b = (park(), 1); static { park(); } constructor() { park(); } } return new (class extends A {})().b; }],
  ['tagged template', (park) => ((parts, n) => { park(); return parts[0] + n; })`a${1}`],
  ['`instanceof`, `structuredClone`: `Symbol.hasInstance`, a getter', (park) => { const o = { get a() { park(); return 1; } }; return [1 instanceof { [Symbol.hasInstance]() { park(); return true; } }, structuredClone(o).a]; }],
  ['`eval`, `new Function`', (park) => new Function('park', 'park(); return 1')(park)],
  ['an async function before its first `await`', (park) => wait((async () => { park(); return 1; })())],
  ['an async function after an `await`', (park) => wait((async () => { await null; park(); return 1; })())],
  ['the callback of `then`', called((call) => { Promise.resolve().then(call); })],
];

const withSession = (body) => { const session = new inspector.Session(); session.connect(); try { return body(session); } finally { session.disconnect(); } };
function evaluate(park, parameters = {}) {
  globalThis.parkInside = park;
  return withSession((session) => {
    let seen;
    session.post('Runtime.evaluate', { expression: 'try { parkInside(); "1" } catch (error) { error.code }', ...parameters }, (error, answer) => { seen = answer.result.value; });
    if (seen !== '1') throw Object.assign(new Error(seen), { code: seen });
    return seen;
  });
}
function request(park) {
  let seen;
  const server = http.createServer((incoming, response) => {
    try { park(); seen = incoming.url; } catch (error) { seen = error; }
    response.end();
  });
  const duplex = new Duplex({ read() {}, write(chunk, encoding, done) { done(); } });
  duplex.setTimeout = duplex.setNoDelay = duplex.setKeepAlive = duplex.ref = duplex.unref = () => duplex;
  server.emit('connection', duplex);
  duplex.on('data', () => {});
  wait(new Promise((done) => { setImmediate(done); }));
  duplex.push('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  if (seen instanceof Error) throw seen;
  return seen;
}
async function sourceModule(park, options) {
  const module = new vm.SourceTextModule('globalThis.seen = 1; park();', { context: vm.createContext({ park }) });
  await module.link(() => {});
  return { module, options };
}

const node = [
  ['`EventEmitter`, `EventTarget`: a listener', (park) => {
    let seen = 0;
    const target = new EventTarget();
    let thrown;
    target.addEventListener('x', () => { try { park(); seen++; } catch (error) { thrown = error; } });
    target.dispatchEvent(new Event('x'));
    if (thrown) throw thrown;
    return new EventEmitter().on('x', () => { park(); seen++; }).emit('x') && seen;
  }],
  ['`AsyncLocalStorage.run`, `runInAsyncScope`, `domain.run`', (park) => new AsyncLocalStorage().run(1, () => new AsyncResource('X').runInAsyncScope(() => domain.create().run(() => { park(); return 1; })))],
  ['streams: a `read` of one\'s own', (park) => { const stream = new Readable({ read() { park(); this.push('x'); this.push(null); } }); return String(stream.read() ?? stream.read()); }],
  ['`Error.prepareStackTrace`', (park) => {
    Error.prepareStackTrace = (error) => { error.park?.(); return `formatted ${error.message}`; };
    return Object.assign(new Error('x'), { park }).stack;
  }],
  ['`util.inspect.custom`', (park) => util.inspect({ [util.inspect.custom]() { park(); return 'x'; } })],
  ['`require`: the body of a module', (park) => { globalThis.parkInside = park; return require(moduleFile('parkInside(); module.exports = 1;', 'cjs')); }],
  ['`require` of an ES module: its body', (park) => { globalThis.parkInside = park; return require(moduleFile('parkInside(); export default 1;', 'mjs')).default; }],
  ['`import()`: the body of a module', (park) => { globalThis.parkInside = park; return wait(import(moduleFile('parkInside(); export default 1;', 'mjs'))).default; }],
  ['`vm.Script`', (park) => vm.runInNewContext('park(); 1', { park })],
  ['`vm.Script` with a `timeout`', (park) => vm.runInNewContext('park(); 1', { park }, { timeout: 5000 })],
  ['`vm.SourceTextModule.evaluate`', (park) => { const { module } = wait(sourceModule(park)); wait(module.evaluate()); return 1; }],
  ['`vm.SourceTextModule.evaluate` with a `timeout`', (park) => { const { module } = wait(sourceModule(park)); wait(module.evaluate({ timeout: 5000 })); return 1; }],
  ['a handler of `node:http`, called for bytes that the coroutine pushes', request],
  ['`inspector`: `Runtime.evaluate`', (park) => evaluate(park)],
  ['`inspector`: `Runtime.evaluate` with a `timeout`', (park) => evaluate(park, { timeout: 5000 })],
  ['`process._tickCallback`, as deasync calls it: the callback of a promise', (park) => { let seen; Promise.resolve().then(() => { try { park(); seen = 1; } catch (error) { seen = error; } }); process._tickCallback(); if (seen instanceof Error) throw seen; return seen; }],
  ['`process.nextTick`: the callback', called((call) => { process.nextTick(call); })],
  ['`setTimeout`: the callback', called((call) => { setTimeout(call); })],
  ['`setImmediate`: the callback', called((call) => { setImmediate(call); })],
  ['`atomic`', (park) => atomic(() => { park(); return 1; })],
];

const wasm = Buffer.from('0061736d01000000' + '010401600000' + '020701016d01660000' + '03020100' + '07050101670001' + '0a0601040010000b', 'hex');
const instance = (f) => new WebAssembly.Instance(new WebAssembly.Module(wasm), { m: { f } }).exports.g;
const natives = [
  ['Node-API: a plain call', (park) => addon.plain(() => { park(); return 1; }, 1)],
  ['Node-API: a call with a handle scope open', (park) => addon.scoped(() => { park(); return 1; }, 1)],
  ['Node-API: a call with an escapable handle scope open', (park) => addon.escapable(() => { park(); return 1; }, 1)],
  ['Node-API: a callback scope', (park) => addon.callbackScope(() => { park(); return 1; }, 1)],
  ['Node-API: `napi_make_callback`', (park) => addon.makeCallback(() => { park(); return 1; }, 1)],
  ['C++: inside `catch`', (park) => addon.inCatch(() => { park(); return 1; }, 1)],
  ['C++: a destructor that runs because of an exception', (park) => addon.inUnwinding(() => { park(); return 1; }, 1)],
  ['`koffi`: a callback of a C function', (park) => koffiSort(park)],
  ['WebAssembly: an imported function', (park) => { instance(() => { park(); })(); return 1; }],
];

const koffi = require('koffi');
koffi.proto('int compare(const void *a, const void *b)');
const qsort = koffi.load('libc.so.6').func('void qsort(_Inout_ void *base, size_t count, size_t size, compare *by)');
function koffiSort(park) {
  let thrown;
  qsort(new Int32Array([2, 1]), 2, 4, koffi.as(() => { try { park(); } catch (error) { thrown = error; } return 0; }, 'compare *'));
  if (thrown) throw thrown;
  return 1;
}

async function outcome(place) {
  let parked = 0;
  const attempt = (i) => spawn(() => place(() => { sleep(2 + 2 * i); parked++; }));
  const results = await Promise.allSettled([0, 1, 2].map(attempt));
  const refused = results.find(({ status }) => status === 'rejected');
  if (refused) return refused.reason.code ?? String(refused.reason);
  const expected = JSON.stringify(await spawn(() => place(() => {})));
  const same = results.every(({ value }) => JSON.stringify(value) === expected);
  return same && parked >= 3 ? 'parks' : `parked ${String(parked)} times: ${JSON.stringify(results)}`;
}

const rows = [];
for (const [group, places] of Object.entries({ JavaScript: javascript, 'Node.js': node, 'Native code': natives })) {
  for (const [place, body] of places) rows.push([group, place, await outcome(body)]);
}
rmSync(directory, { recursive: true });
process.on('exit', () => {
  let seen = 'parks';
  try { sleep(1); } catch (error) { seen = error.code; }
  rows.push(['Node.js', "a listener of `'exit'`", seen]);
  console.log(JSON.stringify(rows));
});
spawn(() => process.exit());
