// sync.mjs TIMES SUBJECT [DIRECTORY OF async-mutex]: locks, channels and select, each subject in a process of its own.

const times = Number(process.argv[2]);
const subject = process.argv[3];
const samples = [];

function record(metric, value, channels) {
  const at = channels === undefined ? undefined : { channels };
  samples.push({ subject, metric, value, unit: 'ns', at });
}

/** Nanoseconds per item since `began`. */
function perItem(began, items) {
  return ((performance.now() - began) * 1e6) / items;
}

const subjects = {
  async stackful() {
    const { Channel, Mutex, select, spawn, yieldNow } = await import('stackful');

    const uncontended = (count) => {
      const mutex = new Mutex();
      const began = performance.now();
      for (let i = 0; i < count; i++) {
        const lock = mutex.lock();
        lock[Symbol.dispose]();
      }
      return perItem(began, count);
    };
    const contended = (count) => {
      const mutex = new Mutex();
      const each = count / 10;
      const began = performance.now();
      const all = Array.from({ length: 10 }, () => spawn(() => {
        for (let i = 0; i < each; i++) {
          const lock = mutex.lock();
          yieldNow();
          lock[Symbol.dispose]();
        }
      }));
      for (const c of all) c.join();
      return perItem(began, count);
    };
    const echo = (there, back) => spawn(() => { for (const value of there) back.send(value); });
    const pingPong = (count) => {
      const there = new Channel();
      const back = new Channel();
      echo(there, back);
      const began = performance.now();
      for (let i = 0; i < count; i++) {
        there.send(i);
        if (back.receive() !== i) throw new Error('lost a value');
      }
      const result = perItem(began, count);
      there.close();
      return result;
    };
    const buffered = (count) => {
      const channel = new Channel(100);
      spawn(() => { for (let i = 0; i < count; i++) channel.send(i); channel.close(); });
      const began = performance.now();
      let received = 0;
      for (const value of channel) received += value >= 0 ? 1 : 0;
      if (received !== count) throw new Error('lost a value');
      return perItem(began, count);
    };
    const selectOf = (channels, count) => {
      const there = new Channel();
      const back = new Channel();
      echo(there, back);
      const cases = Array.from({ length: channels - 1 }, () => new Channel()).concat(back);
      const began = performance.now();
      for (let i = 0; i < count; i++) {
        there.send(i);
        if (select(cases).value !== i) throw new Error('lost a value');
      }
      const result = perItem(began, count);
      there.close();
      return result;
    };
    await spawn(() => {
      for (const run of [uncontended, contended, pingPong, buffered]) run(times / 10);
      selectOf(2, times / 10);
      record('mutex_uncontended_ns', uncontended(times * 4));
      record('mutex_contended_ns', contended(times));
      record('channel_ping_pong_ns', pingPong(times));
      record('channel_buffered_ns', buffered(times * 2));
      record('select_ns', selectOf(2, times), 2);
      record('select_ns', selectOf(100, times / 20), 100);
    });
  },

  /** async-mutex, and the queue of promises that stands for a channel where there are none. */
  async async() {
    const { createRequire } = await import('node:module');
    const { Mutex } = createRequire(import.meta.url)(process.argv[4]);

    class PromiseQueue {
      values = [];
      waiting = [];
      send(value) {
        const waiter = this.waiting.shift();
        if (waiter) waiter(value);
        else this.values.push(value);
      }
      receive() {
        if (this.values.length > 0) return Promise.resolve(this.values.shift());
        return new Promise((resolve) => this.waiting.push(resolve));
      }
    }

    const uncontended = async (count) => {
      const mutex = new Mutex();
      const began = performance.now();
      for (let i = 0; i < count; i++) {
        const release = await mutex.acquire();
        release();
      }
      return perItem(began, count);
    };
    const contended = async (count) => {
      const mutex = new Mutex();
      const each = count / 10;
      const began = performance.now();
      await Promise.all(Array.from({ length: 10 }, async () => {
        for (let i = 0; i < each; i++) {
          const release = await mutex.acquire();
          await undefined;
          release();
        }
      }));
      return perItem(began, count);
    };
    const echo = async (there, back, count) => {
      for (let i = 0; i < count; i++) back.send(await there.receive());
    };
    const pingPong = async (count) => {
      const there = new PromiseQueue();
      const back = new PromiseQueue();
      void echo(there, back, count);
      const began = performance.now();
      for (let i = 0; i < count; i++) {
        there.send(i);
        if ((await back.receive()) !== i) throw new Error('lost a value');
      }
      return perItem(began, count);
    };
    const selectOf = async (channels, count) => {
      const there = new PromiseQueue();
      const back = new PromiseQueue();
      void echo(there, back, count);
      const others = Array.from({ length: channels - 1 }, () => new PromiseQueue());
      const began = performance.now();
      for (let i = 0; i < count; i++) {
        there.send(i);
        // Each round leaves a receiver behind in every other queue: there is no way to take it back.
        for (const other of others) other.waiting.length = 0;
        if ((await Promise.race([...others.map((other) => other.receive()), back.receive()])) !== i) {
          throw new Error('lost a value');
        }
      }
      return perItem(began, count);
    };
    for (const run of [uncontended, contended, pingPong]) await run(times / 10);
    await selectOf(2, times / 10);
    record('mutex_uncontended_ns', await uncontended(times));
    record('mutex_contended_ns', await contended(times));
    record('channel_ping_pong_ns', await pingPong(times));
    record('select_ns', await selectOf(2, times), 2);
    record('select_ns', await selectOf(100, times / 20), 100);
  },
};

await subjects[subject]();
console.log(JSON.stringify(samples));
