import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { atomic, configure, type Coroutine, sleep, spawn, type SchedulingPolicy, wait, yieldNow } from 'stackful';
import { connect, listen } from 'stackful/net';

beforeEach(() => { configure({ schedulingPolicy: 'fifo' }); });
afterEach(() => { configure({ schedulingPolicy: 'fifo' }); });

/** Spawns one coroutine for each name, which notes its name `turns` times with a yield after each. */
function runners(names: string[], turns: number, options: (name: string) => object = () => ({})): [string[], Coroutine[]] {
  const order: string[] = [];
  return [order, names.map((name) => spawn(() => {
    for (let i = 0; i < turns; i++) {
      order.push(name);
      yieldNow();
    }
  }, { name, ...options(name) }))];
}

describe('fifo', () => {
  it('gives every coroutine a turn, at any priority', async () => {
    const [order, all] = runners(['lowest', 'normal', 'highest'], 2, (priority) => ({ priority }));
    await Promise.all(all);
    expect(order).toEqual(['lowest', 'normal', 'highest', 'lowest', 'normal', 'highest']);
  });
});

describe('priority', () => {
  it('runs the higher ones first, and equals in turn', async () => {
    configure({ schedulingPolicy: 'priority' });
    const [order, all] = runners(['low', 'high', 'normal', 'high', 'highest', 'lowest'], 2, (priority) => ({ priority }));
    await Promise.all(all);
    expect(order).toEqual(
      ['highest', 'highest', 'high', 'high', 'high', 'high', 'normal', 'normal', 'low', 'low', 'lowest', 'lowest']);
  });

  it('does not let the last in line starve', async () => {
    configure({ schedulingPolicy: 'priority' });
    let done = false;
    let turns = 0;
    const busy = spawn(() => { while (!done) { turns++; yieldNow(); } }, { priority: 'highest' });
    await spawn(() => { for (let i = 0; i < 10; i++) yieldNow(); done = true; }, { priority: 'lowest' });
    await busy;
    expect(turns).toBeGreaterThan(100);
  });

  it('needs no configuring if nothing else was', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', `
      import { spawn } from 'stackful';
      spawn(() => console.log('low'), { priority: 'low' });
      spawn(() => console.log('high'), { priority: 'high' });
    `], { encoding: 'utf8', cwd: new URL('../..', import.meta.url) });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'high\nlow\n', stderr: '' });
  });

  it('refuses what is none', () => {
    expect(() => spawn(() => 1, { priority: 'middle' as never }))
      .toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
  });
});

describe('connections and accept', () => {
  /** The order in which accepts and reads happen when everything is there at the same time. */
  async function serve(policy: 'connections' | 'accept'): Promise<string> {
    configure({ schedulingPolicy: policy });
    const order: string[] = [];
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.1' });
      const { port } = listener.address;
      const clients = Array.from({ length: 6 }, () => connect({ port, host: '127.0.0.1' }));
      for (const client of clients) client.write('x');
      const servers: Coroutine[] = [];
      const acceptor = spawn(() => {
        for (let i = 0; i < 6; i++) {
          const socket = listener.accept();
          order.push('a');
          servers.push(
            spawn(() => {
              while (socket.read()) order.push('r');
              socket.close();
            }),
          );
          yieldNow();
        }
      });
      acceptor.join();
      sleep(5);
      for (const client of clients) client.close();
      for (const server of servers) server.join();
    });
    return order.join('');
  }

  it('connections: what was accepted is served before the next is', async () => {
    expect(await serve('connections')).toBe('arararararar');
  });

  it('accept: all connections are accepted before one is served', async () => {
    expect(await serve('accept')).toBe('aaaaaarrrrrr');
  });
});

/** Runs the coroutine that has been ready for the shortest time. */
class LastInFirstOut implements SchedulingPolicy {
  readonly stack: Coroutine[] = [];
  readonly reasons: string[] = [];
  ready(coroutine: Coroutine, after: string): void {
    this.stack.push(coroutine);
    this.reasons.push(after);
  }
  next(): Coroutine {
    return this.stack.pop()!;
  }
}

describe('a policy of the application', () => {
  it('decides which coroutine runs', async () => {
    const policy = new LastInFirstOut();
    configure({ schedulingPolicy: policy });
    const [order, all] = runners(['a', 'b', 'c'], 2);
    await Promise.all(all);
    expect(order).toEqual(['c', 'c', 'b', 'b', 'a', 'a']);
    expect(new Set(policy.reasons)).toEqual(new Set(['start', 'yield']));
  });

  it('sees everything that parks, and what it was parked on', async () => {
    const policy = new LastInFirstOut();
    configure({ schedulingPolicy: policy });
    await spawn(() => {
      sleep(0.1);
      wait(new Promise((resolve) => { setImmediate(resolve); }));
      spawn(() => { sleep(0); }).join();
    });
    expect(policy.reasons).toEqual(['start', 'sleep', 'promise', 'start', 'sleep', 'join']);
  });

  it('many coroutines become ready at once, and all of them run', async () => {
    configure({ schedulingPolicy: new LastInFirstOut() });
    let ran = 0;
    await Promise.all(Array.from({ length: 1000 }, () => spawn(() => { sleep(1); ran++; })));
    expect(ran).toBe(1000);
  });

  it('can be exchanged while coroutines are ready, from anywhere', async () => {
    const order: string[] = [];
    const names = ['a', 'b', 'c', 'd'];
    configure({ schedulingPolicy: new LastInFirstOut() });
    const all = names.map((name) => spawn(() => {
      for (let i = 0; i < 3; i++) {
        order.push(name);
        configure({ schedulingPolicy: (['fifo', 'priority', new LastInFirstOut()] as const)[(order.length * 7) % 3] });
        yieldNow();
      }
    }));
    await Promise.all(all);
    expect(order.sort().join('')).toBe('aaabbbcccddd');
  });

  it('that throws, parks or chooses no coroutine is dropped with an error, and no coroutine is lost', async () => {
    const listeners = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    const seen: unknown[] = [];
    process.on('unhandledRejection', (error) => { seen.push(error); });
    let kept: Coroutine | undefined;
    const bad: Partial<SchedulingPolicy>[] = [
      { next: () => undefined as never },
      { next: () => ({ slot: 0 }) as never },
      { next: () => (kept ??= spawn(() => undefined)) },
      { next: () => { throw new Error('mine'); } },
      { ready: () => { throw new Error('mine'); } },
      { next: () => { sleep(1); return undefined as never; } },
    ];
    for (const part of bad) {
      let turns = 0;
      configure({ schedulingPolicy: Object.assign(new LastInFirstOut(), part) });
      await Promise.all([1, 2, 3].map(() => spawn(() => { yieldNow(); turns++; sleep(0.1); turns++; })));
      expect(turns).toBe(6);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
    expect(seen.map((error) => (error as { code?: string }).code ?? (error as Error).message)).toEqual([
      'ERR_SCHEDULING_POLICY', 'ERR_SCHEDULING_POLICY', 'ERR_SCHEDULING_POLICY', 'mine', 'mine', 'ERR_ATOMIC_SECTION',
    ]);
  });

  it('is not asked about coroutines that run, nor disturbed by cancelling all of them', async () => {
    const policy = new LastInFirstOut();
    configure({ schedulingPolicy: policy });
    const child = spawn(() => { sleep(1e6); });
    await spawn(() => { sleep(0.1); });
    child.cancel();
    await expect(child).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    await spawn(() => { atomic(() => undefined); });
    expect(policy.stack).toEqual([]);
  });
});

describe('configure', () => {
  it('refuses policies that are none, and changes nothing then', async () => {
    configure({ schedulingPolicy: 'priority' });
    for (const bad of ['lifo', {}, { ready: () => undefined }, null, 3]) {
      expect(() => { configure({ schedulingPolicy: bad as never }); }).toThrow(/schedulingPolicy/);
    }
    const [order, all] = runners(['low', 'high'], 1, (priority) => ({ priority }));
    await Promise.all(all);
    expect(order).toEqual(['high', 'low']);
  });
});
