// What becomes of the process, and of workers, whose threads end in unusual ways.
import { sleep } from 'stackful';
import { create, detach, over } from 'stackful/threads';

const parts = new URL('../threads/programs/parts.mjs', import.meta.url);
const { create: start, join, Mutex, Semaphore, Condition } = over('workers');

const scenarios = {
  exits() {
    const [mutex, condition, began] = [new Mutex(), new Condition(), new Semaphore()];
    mutex.lock();
    const threads = ['locks', 'sleepsLong', 'computesLong'].map((entry) => start(parts, { mutex, condition, began }, { entry }));
    threads.forEach(() => { began.wait(); });
    console.log('waiting');
    process.exit(5);
  },
  detached() {
    start(parts, undefined, { entry: 'endsLater', detached: true });
    console.log('main has ended');
  },
  unheard() {
    start(parts, undefined, { entry: 'fails' });
  },
  late() {
    join(start(parts, undefined, { entry: 'failsLater' }));
    console.log('joined');
    sleep(60_000);
  },
  lockedOut() {
    const mutex = new Mutex();
    create(() => mutex.withLock(() => { sleep(20); }));
    sleep(1);
    create(() => mutex.withLock(() => { console.log('got the lock'); }));
  },
};

// Failures that no join receives: the listener says what came, and the process goes on.
const fails = () => { throw new Error('failed'); };
const unheard = {
  forgotten() {
    create(fails);
    let told = false;
    process.once('unhandledRejection', () => { told = true; });
    while (!told) {
      sleep(1);
      globalThis.gc();
    }
  },
  detachedLater() {
    const thread = create(fails);
    sleep(1);
    detach(thread);
    sleep(1);
  },
  bornDetached() {
    create(fails, undefined, { detached: true });
    sleep(1);
  },
  neverJoined() {
    globalThis.kept = create(fails);
  },
};
if (process.argv[2] in unheard) process.on('unhandledRejection', ({ message }) => { console.log(`unhandled: ${message}`); });

await create(scenarios[process.argv[2]] ?? unheard[process.argv[2]]);
