/**
 * Every primitive, over many schedules, with one coroutine cancelled at each of its parking calls in turn: nothing is
 * lost, no lock is left without a holder, no coroutine is left waiting (a deadlock fails the run).
 */
import { describe, expect, it } from 'vitest';

import {
  after,
  Barrier,
  CancelledError,
  Channel,
  Condition,
  type Coroutine,
  Event,
  Mutex,
  ReadWriteLock,
  scope,
  select,
  Semaphore,
  sending,
  shield,
  simulate,
  sleep,
  spawn,
  timeout,
  TimeoutError,
  WaitGroup,
  type Simulated,
  yieldNow,
} from 'stackful';

/** Joins one that may have been cancelled; whether it got to its end. */
function finished(c: Coroutine): boolean {
  try {
    c.join();
    return true;
  } catch (error) {
    if (error instanceof CancelledError) return false;
    throw error;
  }
}

/** `body` in several coroutines, one of which is the victim. */
function crowd(count: number, body: (n: number) => void): Coroutine[] {
  return Array.from({ length: count }, (_, n) => spawn(() => { body(n); }, { name: n === 1 ? 'victim' : `other ${n}` }));
}

const pause = (simulated: Simulated) => { if (simulated.random(2) === 0) sleep(simulated.random(3)); else yieldNow(); };

const scenarios: Record<string, (simulated: Simulated) => void> = {
  Mutex(simulated) {
    const mutex = new Mutex();
    let inside = 0;
    const all = crowd(4, () => {
      for (let i = 0; i < 2; i++) {
        mutex.withLock(() => {
          expect(++inside).toBe(1);
          try { pause(simulated); } finally { inside--; }
        });
      }
    });
    all.forEach(finished);
    expect(mutex.locked).toBe(false);
    expect(mutex.tryLock()).toBeDefined();
  },

  Semaphore(simulated) {
    const semaphore = new Semaphore(3);
    let taken = 0;
    const all = crowd(5, (n) => {
      const wanted = 1 + (n % 3);
      semaphore.acquire(wanted);
      taken += wanted;
      expect(taken).toBeLessThanOrEqual(3);
      try { pause(simulated); } finally { taken -= wanted; semaphore.release(wanted); }
    });
    all.forEach(finished);
    expect(semaphore.available).toBe(3);
  },

  ReadWriteLock(simulated) {
    const lock = new ReadWriteLock();
    let readers = 0;
    let writers = 0;
    const all = crowd(5, (n) => {
      if (n % 2 === 1) {
        lock.write(() => {
          writers++;
          expect([readers, writers]).toEqual([0, 1]);
          try { pause(simulated); } finally { writers--; }
        });
      } else {
        lock.read(() => {
          readers++;
          expect(writers).toBe(0);
          try { pause(simulated); lock.read(() => undefined); } finally { readers--; }
        });
      }
    });
    all.forEach(finished);
    lock.write(() => { expect([readers, writers]).toEqual([0, 0]); });
  },

  Condition(simulated) {
    const mutex = new Mutex();
    const changed = new Condition(mutex);
    let items = 0;
    let eaten = 0;
    let over = false;
    const all = crowd(3, () => {
      using _lock = mutex.lock();
      try {
        while (items === 0 && !over) changed.wait();
      } catch (error) {
        // It may have been told of an item after all.
        changed.notify();
        throw error;
      } finally {
        expect(mutex.locked).toBe(true);
      }
      if (items > 0) { items--; eaten++; }
    });
    const producer = spawn(() => {
      for (let i = 0; i < 3; i++) {
        mutex.withLock(() => { items++; changed.notify(); });
        pause(simulated);
      }
      mutex.withLock(() => { over = true; changed.notifyAll(); });
    });
    all.forEach(finished);
    producer.join();
    expect(items + eaten).toBe(3);
    expect(mutex.locked).toBe(false);
  },

  Event(simulated) {
    const event = new Event();
    const all = crowd(3, () => { event.wait(); });
    pause(simulated);
    event.set();
    event.reset();
    const late = spawn(() => { event.wait(); });
    pause(simulated);
    event.set();
    all.forEach(finished);
    late.join();
  },

  WaitGroup(simulated) {
    const group = new WaitGroup();
    let working = 3;
    group.add(3);
    const all = crowd(3, () => {
      try { pause(simulated); sleep(1); } finally { working--; group.done(); }
    });
    const waiters = [1, 2].map((n) => spawn(() => { group.wait(); expect(working).toBe(0); }, { name: n === 1 ? 'victim' : '' }));
    [...all, ...waiters].forEach(finished);
    group.wait();
  },

  Barrier(simulated) {
    const barrier = new Barrier(3);
    const places: number[] = [];
    const all = crowd(3, () => {
      pause(simulated);
      places.push(barrier.wait());
    });
    sleep(10);
    // Another coroutine takes the place of one that has given up.
    for (const c of all) if (c.state === 'done' && !finished(c)) places.push(barrier.wait());
    all.forEach(finished);
    expect(places.sort()).toEqual([0, 1, 2]);
    expect(barrier.waiting).toBe(0);
  },

  'Channel, without room'(simulated) { exchange(simulated, 0); },
  'Channel, with room'(simulated) { exchange(simulated, 2); },

  'Channel, closed while they wait'(simulated) {
    const full = new Channel<number>();
    const empty = new Channel<number>();
    const all = crowd(4, (n) => {
      expect(() => { if (n % 2 === 0) full.send(n); else empty.receive(); }).toThrow(/closed|cancelled/);
    });
    pause(simulated);
    full.close();
    empty.close();
    all.forEach(finished);
  },

  select(simulated) {
    const a = new Channel<number>();
    const b = new Channel<number>(1);
    const stop = new Event();
    const got: number[] = [];
    const sent: number[] = [];
    const all = crowd(4, (n) => {
      for (let i = 0; i < 2; i++) {
        const value = n * 10 + i;
        if (n % 2 === 0) {
          const next = select({ a: sending(a, value), b: sending(b, value), late: after(5) });
          if (next.key !== 'late') sent.push(value);
        } else {
          const next = select({ a, b, stop });
          if (next.key !== 'stop') got.push(next.value as number);
        }
        pause(simulated);
      }
    });
    sleep(100);
    stop.set();
    all.forEach(finished);
    for (const channel of [a, b]) for (let one = channel.tryReceive(); one; one = channel.tryReceive()) got.push(one.value);
    expect(got.sort()).toEqual(sent.sort());
  },

  'timeouts around all of them'(simulated) {
    const mutex = new Mutex();
    const channel = new Channel<number>();
    const semaphore = new Semaphore(1);
    const timedOut = (fn: () => void) => {
      try {
        timeout(1 + simulated.random(3), fn);
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
      }
    };
    let given = 0;
    let taken = 0;
    const all = crowd(5, (n) => {
      timedOut(() => { mutex.withLock(() => { sleep(2); }); });
      timedOut(() => { semaphore.withPermit(() => { sleep(2); }); });
      timedOut(() => { if (n % 2 === 0) { channel.send(n); given++; } else { channel.receive(); taken++; } });
    });
    all.forEach(finished);
    expect(mutex.locked).toBe(false);
    expect(semaphore.available).toBe(1);
    expect(taken).toBe(given);
  },

  scope(simulated) {
    const log: string[] = [];
    const victim = spawn(() => {
      scope((s) => {
        for (let i = 0; i < 3; i++) {
          s.spawn(() => {
            try { pause(simulated); sleep(2); } finally { shield(() => { sleep(1); }); log.push('ended'); }
          });
        }
        sleep(1);
      });
      expect(log.length).toBe(3);
    }, { name: 'victim' });
    finished(victim);
    // Children that had begun have ended before their scope.
    const ended = log.length;
    sleep(100);
    expect(log.length).toBe(ended);
  },
};

/** The received values are the sent ones. */
function exchange(simulated: Simulated, capacity: number): void {
  const channel = new Channel<number>(capacity);
  const sent: number[] = [];
  const received: number[] = [];
  const senders = crowd(3, (n) => {
    for (let i = 0; i < 2; i++) {
      channel.send(n * 10 + i);
      sent.push(n * 10 + i);
      pause(simulated);
    }
  });
  const receivers = [0, 1].map((n) => spawn(() => {
    for (const value of channel) {
      received.push(value);
      pause(simulated);
    }
  }, { name: n === 1 ? 'victim' : 'receiver' }));
  senders.forEach(finished);
  channel.close();
  receivers.forEach(finished);
  expect([...received].sort()).toEqual([...sent].sort());
}

describe('over many schedules, cancelled at every parking call in turn', () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(name, async () => {
      await simulate({ seed: 1, seeds: 200 }, scenario);
      await simulate({ seed: 1000, seeds: 20, cancelEach: 'victim' }, scenario);
    });
  }

  it('finds the bug in a mutex that forgets which coroutine is next', async () => {
    // A mutex with the fault that a cancelled waiter keeps the hand-off.
    class Broken {
      private held = false;
      private readonly turns: Event[] = [];
      withLock(fn: () => void) {
        if (this.held) {
          const turn = new Event();
          this.turns.push(turn);
          turn.wait();
        }
        this.held = true;
        try { fn(); } finally {
          this.held = false;
          this.turns.shift()?.set();
        }
      }
    }
    const run = simulate({ seed: 1, seeds: 50, cancelEach: 'victim' }, (simulated) => {
      const mutex = new Broken();
      crowd(4, () => { mutex.withLock(() => { pause(simulated); }); }).forEach(finished);
    });
    await expect(run).rejects.toThrow(/deadlock.*cancel/);
  });
});
