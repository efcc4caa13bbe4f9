// async_context.mjs COROUTINES TURNS: stores, ids and resources of many coroutines at once, with garbage collections between;
// ends with "ok" and the number of comparisons.
import assert from 'node:assert/strict';
import { AsyncLocalStorage, AsyncResource, executionAsyncId, executionAsyncResource, triggerAsyncId } from 'node:async_hooks';
import { sleep, spawn, wait, yieldNow } from 'stackful';

const [coroutines, turns] = process.argv.slice(2).map(Number);
let compared = 0;
const equal = (actual, expected, what) => (compared++, assert.deepStrictEqual(actual, expected, what));

// Before the first store is used: these have no resource of their own yet.
const early = Array.from({ length: 20 }, (_, i) => spawn(() => {
  yieldNow();
  yieldNow();
  later.enterWith(i);
  yieldNow();
  return later.getStore();
}));
const later = new AsyncLocalStorage();

const first = new AsyncLocalStorage();
const second = new AsyncLocalStorage();

/** A park of some kind. */
function park(n) {
  if (n % 4 === 0) sleep(0.05 * (n % 7));
  else if (n % 4 === 1) wait(Promise.resolve(n));
  else if (n % 4 === 2) wait(new Promise((resolve) => setImmediate(resolve)));
  else yieldNow();
}

function body(i) {
  const id = executionAsyncId();
  const trigger = triggerAsyncId();
  const resource = executionAsyncResource();
  equal(first.getStore(), { spawner: i }, 'inherited');
  second.enterWith({ i });
  for (let n = 0; n < turns; n++) {
    park(n + i);
    equal(first.getStore(), { spawner: i }, 'inherited, after a park');
    equal(second.getStore(), { i }, 'entered');
    equal([executionAsyncId(), triggerAsyncId()], [id, trigger]);
    equal(executionAsyncResource() === resource, true, 'resource');
    first.run({ i, n }, () => {
      const scope = new AsyncResource('SCOPE');
      scope.runInAsyncScope(() => {
        park(n);
        equal(executionAsyncId(), scope.asyncId());
        equal(triggerAsyncId(), id);
        equal(executionAsyncResource() === scope, true, 'resource of a scope');
        equal(first.getStore(), { i, n });
      });
      equal(wait(new Promise((resolve) => setTimeout(() => resolve(first.getStore()), 0))), { i, n }, 'timer');
      equal(wait((async () => (await 1, first.getStore()))()), { i, n }, 'async function');
      const child = spawn(() => (yieldNow(), [first.getStore(), second.getStore(), triggerAsyncId()]));
      equal(child.join(), [{ i, n }, { i }, id], 'child');
    });
    try {
      first.run(n, () => { park(n); throw new Error('out'); });
    } catch {
      equal(first.getStore(), { spawner: i });
    }
  }
  return id;
}

await 0;
const outside = executionAsyncId();
first.enterWith('main');
const all = [];
for (let i = 0; i < coroutines; i++) all.push(first.run({ spawner: i }, () => spawn(() => body(i))));
equal(first.getStore(), 'main');
const churn = setInterval(() => {
  globalThis.gc?.({ type: 'minor' });
  // The main stack's callbacks have their own.
  assert.equal(first.getStore(), 'main');
  assert.equal(second.getStore(), undefined);
}, 1);
const ids = await Promise.all(all);
clearInterval(churn);
equal(new Set(ids).size, coroutines, 'ids are different');
equal(ids.includes(outside), false);
equal(first.getStore(), 'main');
equal(second.getStore(), undefined);
equal(await Promise.all(early), early.map((_, i) => i));
equal(later.getStore(), undefined);
equal(await spawn(() => [second.getStore(), later.getStore(), first.getStore()]), [undefined, undefined, 'main']);
console.log(`ok ${compared}`);
