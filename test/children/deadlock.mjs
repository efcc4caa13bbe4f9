// deadlock.mjs CASE [throw|report|off]: coroutines that wait for each other, or only seem to, as the process ends.
import diagnostics from 'node:diagnostics_channel';
import { createServer } from 'node:net';
import { configure, current, sleep, spawn, wait } from 'stackful';

import { mayWaitFor } from '../../dist/observe/deadlock.js';
import { check } from '../../dist/internal/codes.js';
import { native } from '../../dist/internal/native.js';

const [name, mode] = process.argv.slice(2);
if (mode) configure({ deadlock: mode });
diagnostics.subscribe('stackful.deadlock', ({ coroutines }) => {
  console.log('channel:', coroutines.map((c) => c.name).join());
});

function parkFor(object, kind, operation) {
  const self = current();
  const code = mayWaitFor(self, object) || native.park(kind, 0);
  self.waitsFor = undefined;
  check(code, operation);
}

/** A minimal lock: one coroutine holds it and hands it to the next in line. */
class Lock {
  constructor(label) {
    this.label = label;
    this.waiting = [];
  }
  heldBy() {
    return this.holder;
  }
  lock() {
    const self = current();
    while (this.holder) {
      this.waiting.push(self);
      try {
        parkFor(this, 8, 'lock');
      } catch (error) {
        this.waiting.splice(this.waiting.indexOf(self), 1);
        throw error;
      }
    }
    this.holder = self;
  }
  unlock() {
    this.holder = undefined;
    this.waiting.shift()?.wake(0);
  }
}

/** Any coroutine can set it. */
class Flag {
  label = 'Flag';
  waiting = [];
  wait() {
    this.waiting.push(current());
    parkFor(this, 13, 'wait');
  }
  set() {
    for (const c of this.waiting.splice(0)) c.wake(0);
  }
}

const named = (name, fn) => spawn(() => {
  try {
    fn();
    console.log(`${name} ended`);
  } catch (error) {
    console.log(`${name}: ${error.code} ${error.message}`);
  }
}, { name });

const [a, b, c] = ['A', 'B', 'C'].map((label) => new Lock(label));
const flag = new Flag();
const nested = (first, second) => () => {
  first.lock();
  sleep(1);
  second.lock();
  second.unlock();
  first.unlock();
};

const cases = {
  locks() {
    named('one', nested(a, b));
    named('two', nested(b, a));
  },
  three() {
    named('one', nested(a, b));
    named('two', nested(b, c));
    named('three', nested(c, a));
    named('bystander', () => { sleep(2); a.lock(); });
  },
  // Found at once, in a process whose loop goes on for an hour.
  busy() {
    const timer = setTimeout(() => {}, 3.6e6);
    named('one', nested(a, b));
    named('two', nested(b, a));
    setTimeout(() => process.exit(3), 50);
    timer.ref();
  },
  joins() {
    const one = named('one', () => { sleep(1); two.join(); });
    const two = named('two', () => one.join());
  },
  // No coroutine is left that could set the flag, and the one that waits for it is awaited.
  flag() {
    named('stuck', () => flag.wait()).then(() => {});
  },
  // The holder is gone.
  orphan() {
    named('holder', () => a.lock());
    named('heir', () => { sleep(1); a.lock(); });
  },
  // It catches the error and waits again, for ever.
  stubborn() {
    named('stubborn', () => {
      for (;;) {
        try {
          flag.wait();
        } catch (error) {
          console.log(error.code);
        }
      }
    }).then(() => {});
  },

  // No deadlocks: code outside may settle the promise, or the coroutine is not awaited.
  promise() {
    named('one', () => wait(new Promise(() => {})));
    named('two', () => flag.wait()).then(() => {});
  },
  service() {
    named('service', () => { for (;;) flag.wait(); });
  },
  timer() {
    // From inside: a timer that was set before may be due before the coroutine begins.
    named('waits', () => {
      setTimeout(() => flag.set(), 20);
      flag.wait();
    }).then(() => {});
  },
  unref() {
    named('waits', () => flag.wait());
    setTimeout(() => flag.set(), 1e6).unref();
    createServer().listen(0).unref();
    named('never', () => wait(new Promise(() => {}))).then(() => {});
  },
  beforeExit() {
    named('waits', () => flag.wait()).then(() => {});
    process.once('beforeExit', () => setTimeout(() => flag.set(), 5));
  },
  exit() {
    named('stuck', () => flag.wait()).then(() => {});
    named('one', () => { a.lock(); sleep(1); process.exit(4); });
  },
  handedOver() {
    // Woken, not yet run: the lock names its next owner while that one still seems to wait.
    named('one', () => { a.lock(); sleep(2); a.unlock(); b.lock(); });
    named('two', () => { b.lock(); a.lock(); b.unlock(); });
  },
};
cases[name]();
