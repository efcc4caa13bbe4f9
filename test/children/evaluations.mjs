// evaluations.mjs WHAT: evaluations by node:inspector that have a time limit, and the code that they end. Prints the outcome as JSON.
import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { atomic, Mutex, sleep, spawn, timeout, wait, yieldNow } from 'stackful';

const require = createRequire(import.meta.url);
globalThis.park = (ms) => { sleep(ms); };
const limited = (park, timeout) => ({ expression: `try { park(${String(park)}); "parked" } catch (error) { error.code }`, timeout });
function connected(inspector) {
  const session = new inspector.Session();
  session.connect();
  return session;
}
function evaluate(inspector, parameters) {
  let seen;
  connected(inspector).post('Runtime.evaluate', parameters, (error, answer) => { seen = error ?? answer.result.value ?? answer.exceptionDetails.text; });
  return seen;
}
/** With a limit, and without. */
const both = (inspector) => [evaluate(inspector, limited(1, 60_000)), evaluate(inspector, limited(1))];
const spin = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };
const never = () => { for (;;); };

const programs = {
  // However node:inspector was loaded, the first evaluation in that turn included.
  import: () => spawn(() => both(wait(import('node:inspector')))),
  require: () => spawn(() => both(require('inspector'))),
  getBuiltinModule: () => spawn(() => both(process.getBuiltinModule('node:inspector'))),
  promises: () => spawn(() => {
    const session = connected(wait(import('node:inspector/promises')));
    return [limited(1, 60_000), limited(1)].map((parameters) => wait(session.post('Runtime.evaluate', parameters)).result.value);
  }),
  // A debugger has paused: V8 lets nothing else run.
  paused: () => spawn(() => {
    const session = connected(require('inspector'));
    const seen = [];
    session.on('Debugger.paused', ({ params }) => {
      for (const timeout of [undefined, 60_000]) {
        const parameters = { ...limited(1, timeout), callFrameId: params.callFrames[0].callFrameId };
        session.post('Debugger.evaluateOnCallFrame', parameters, (error, answer) => { seen.push(error ?? answer.result.value); });
      }
    });
    session.post('Debugger.enable');
    // eslint-disable-next-line no-debugger
    debugger;
    session.post('Debugger.disable');
    return seen;
  }),
  // The code is over in time or is ended; another coroutine, which is busy when the time is over, is not.
  busy: async () => {
    const inspector = require('inspector');
    const busy = spawn(() => { try { for (let i = 0; i < 10; i++) { spin(5); yieldNow(); } return 'busy'; } finally { sleep(1); } });
    return Promise.all([spawn(() => evaluate(inspector, limited(500, 10))), spawn(() => evaluate(inspector, { expression: 'for (;;);', timeout: 10 })), busy]);
  },
};

/**
 * Ends of a coroutine that come from outside stackful. The coroutine fails, its joiners get the error, and the rest
 * goes on: other coroutines, what it was in (time limits, atomic sections, stores) is left.
 */
async function ended(body) {
  const storage = new AsyncLocalStorage();
  const session = connected(require('inspector'));
  const mutex = new Mutex({ name: 'held' });
  let finallyRan = false;
  const terminate = () => { session.post('Runtime.terminateExecution'); };
  const victim = spawn(function victim() {
    try {
      mutex.lock();
      body(terminate, storage);
    } finally {
      finallyRan = true;
    }
  });
  const outcome = await spawn(() => { try { return victim.join(); } catch (error) { return `${error.name} ${error.code}`; } });
  const again = await Promise.allSettled([victim]);
  const others = await Promise.all([1, 2, 3].map((i) => spawn(() => storage.run(i, () => timeout(10_000, () => { sleep(i); return storage.getStore(); })))));
  const after = spawn(() => storage.getStore() ?? 'none');
  return [outcome, again[0].reason.code, victim.state, finallyRan, others, await after];
}
programs.ended = () => ended((terminate) => { terminate(); never(); });
programs.endedInScopes = () => ended((terminate, storage) => storage.run('left', () => timeout(60_000, () => atomic(() => { terminate(); never(); }))));
programs.endedAfterParks = () => ended((terminate) => { sleep(2); terminate(); yieldNow(); never(); });
programs.endedInBuiltin = () => ended((terminate) => [2, 1, 3].sort(() => { terminate(); never(); }));
programs.endedInJoin = () => ended((terminate) => [{ toString() { terminate(); never(); } }].join());
// Not the first coroutine on its stack: the frames below it were another's.
programs.endedOnStackOfAnother = async () => { await Promise.all([1, 2, 3].map(() => spawn(() => {}))); spawn(() => {}); return ended((terminate) => { terminate(); never(); }); };
// Many, on the same stacks, some at a time.
programs.many = async () => {
  const session = connected(require('inspector'));
  const deep = (n, body) => (n === 0 ? body() : timeout(60_000, () => deep(n - 1, body)));
  const codes = new Set();
  for (let n = 0; n < 100; n++) {
    const others = [1, 2, 3].map(() => spawn(() => { for (let i = 0; i < n % 5; i++) yieldNow(); return 'on'; }));
    const victim = spawn(() => deep(n % 4, () => { for (let i = 0; i < n % 7; i++) yieldNow(); session.post('Runtime.terminateExecution'); never(); }));
    for (const { reason, value } of await Promise.allSettled([victim, ...others])) codes.add(reason?.code ?? value);
  }
  return [...codes];
};
// No code joins it: the process reports that.
programs.unheard = () => { spawn(function unheard() { connected(require('inspector')).post('Runtime.terminateExecution'); never(); }); return new Promise((done) => { setTimeout(done, 5_000); }); };

console.log(JSON.stringify(await programs[process.argv[2]]()));
