import { symlinkSync, unlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, createClientPool, WatchError } from 'redis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { CancelledError, currentSignal, scope, shield, sleep, spawn, timeout, TimeoutError, wait } from 'stackful';
import { expectAnswersToMany, redisInstalled, startRedis, type RedisServer } from '../support/redis.js';

describe.skipIf(!redisInstalled)('Redis by redis (skipped where it is not installed)', () => {
  let server: RedisServer;
  const options = () => ({ socket: { path: server.path, tls: false as const } });
  const connected = () => createClient(options()).connect();
  let redis: Awaited<ReturnType<typeof connected>>;

  beforeAll(async () => {
    server = await startRedis();
    redis = await connected();
  }, 60_000);
  afterAll(async () => {
    redis.destroy();
    await server.stop();
  });
  beforeEach(async () => { await redis.flushAll(); });

  /** Whether a client of that name is connected. */
  const isConnected = async (name: string) => (await redis.clientList()).some((one) => one.name === name);

  it('answers many coroutines over one connection', async () => {
    await expectAnswersToMany(redis);
  });

  it('sends the commands of a MULTI together, whatever other coroutines send', async () => {
    const answers = await spawn(() => {
      const all = Array.from({ length: 20 }, () => spawn(() => wait(redis.multi().incr('a').incr('b').exec())));
      return all.map((one) => one.join());
    });
    expect(answers).toEqual(Array.from({ length: 20 }, (_, i) => [i + 1, i + 1]));
  });

  it.each(['its time is up', 'it is cancelled'])('never sends what is waiting for a connection when %s', async (how) => {
    const path = `${server.path} of later`;
    const client = createClient({ socket: { path, tls: false, reconnectStrategy: 10 } }).on('error', () => undefined);
    const connecting = client.connect();
    const work = spawn(() => timeout(how === 'its time is up' ? 5 : 60_000, () => wait(client.withAbortSignal(currentSignal()).set('key', 1))));
    if (how !== 'its time is up') setTimeout(() => { work.cancel(); }, 5);
    await expect(work.promise).rejects.toBeInstanceOf(how === 'its time is up' ? TimeoutError : CancelledError);
    symlinkSync(server.path, path);
    await connecting;
    expect(await client.get('key')).toBeNull();
    unlinkSync(path);
    client.destroy();
  });

  it('blocks no other command with one that has a connection of its own, whose end takes nothing from the list', async () => {
    const waiting = await connected();
    await waiting.clientSetName('waiting');
    const answer = await spawn(() => {
      try {
        return timeout(20, () => wait(waiting.blPop('jobs', 0)));
      } catch (error) {
        waiting.destroy();
        return error;
      }
    });
    expect(answer).toBeInstanceOf(TimeoutError);
    for (let i = 0; i < 200 && await isConnected('waiting'); i++) await delay(10);
    await redis.rPush('jobs', 'a');
    expect(await redis.lRange('jobs', 0, -1)).toEqual(['a']);
  });

  it('keeps a job that arrives after its wait was given up', async () => {
    const worker = await connected();
    /** The next job, or undefined when none comes in time. It is in a list of the worker's until it is done, also when it comes late. */
    const take = (ms: number): string | undefined => {
      try {
        return timeout(ms, () => wait(worker.blMove('jobs', 'taken', 'LEFT', 'RIGHT', 0)) ?? undefined);
      } catch (error) {
        if (error instanceof TimeoutError) return undefined;
        throw error;
      }
    };
    expect(await spawn(() => {
      const none = take(5);
      wait(redis.rPush('jobs', ['a', 'b']));
      return [none, take(1000), wait(redis.lRange('taken', 0, -1))];
    })).toEqual([undefined, 'b', ['a', 'b']]);
    worker.destroy();
  });

  describe('a pool of connections', () => {
    let pool: ReturnType<typeof createClientPool>;
    type PooledClient = Parameters<Parameters<typeof pool.execute>[0]>[0];

    beforeAll(async () => {
      pool = createClientPool(options(), { minimum: 1, maximum: 3 });
      await pool.connect();
    });
    afterAll(() => { pool.destroy(); });

    /** Runs `work` in a coroutine of its own, on a connection that no other uses meanwhile; an early end of the call ends it, too. */
    function watching<R>(keys: string[], work: (client: PooledClient) => R) {
      return scope((calls) => wait(pool.execute((client) => calls.spawn(() => {
        try {
          wait(client.watch(keys));
          return work(client);
        } finally {
          shield(() => wait(client.unwatch()));
        }
      }).promise)));
    }

    const increment = () => watching(['count'], (client) => {
      const value = Number(wait(client.get('count')));
      sleep(1);
      wait(client.multi().set('count', value + 1).exec());
    });

    it('runs a transaction that watches keys on a connection that no other coroutine uses meanwhile', async () => {
      await spawn(() => {
        const all = Array.from({ length: 12 }, () => spawn(() => {
          for (;;) {
            try {
              increment();
              return;
            } catch (error) {
              if (!(error instanceof WatchError)) throw error;
            }
          }
        }));
        for (const one of all) one.join();
      });
      expect(await redis.get('count')).toBe('12');
    });

    it('ends the transaction with the call, and hands the connection on with no key watched', async () => {
      const error = await spawn(() => timeout(10, () => watching(['count'], (client) => {
        wait(client.set('seen', 1));
        sleep(60_000);
        wait(client.multi().set('count', 1).exec());
      }))).then(() => undefined, (e: unknown) => e);
      expect(error).toBeInstanceOf(TimeoutError);
      expect([await redis.get('seen'), await redis.get('count')]).toEqual(['1', null]);
      await redis.set('count', 5);
      await Promise.all(Array.from({ length: 3 }, () => pool.multi().incr('count').exec()));
      expect([await redis.get('count'), pool.clientsInUse]).toEqual(['8', 0]);
    });
  });
});
