import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { Channel, sleep, spawn, timeout, TimeoutError, wait } from 'stackful';
import { expectAnswersToMany, redisInstalled, startRedis, type RedisServer } from '../support/redis.js';

describe.skipIf(!redisInstalled)('Redis by ioredis (skipped where it is not installed)', () => {
  let server: RedisServer;
  let redis: Redis;

  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.path);
  }, 60_000);
  afterAll(async () => {
    await redis.quit();
    await server.stop();
  });
  beforeEach(async () => { await redis.flushall(); });

  it('answers many coroutines over one connection', async () => {
    await expectAnswersToMany(redis);
  });

  it('loses no job that a wait was given up for', async () => {
    const worker = redis.duplicate();
    /** The next job, or undefined when none comes in time; one that comes later goes back to where it was. */
    const take = (ms: number): string | undefined => {
      const back = (late: [string, string] | null) => { if (late) void redis.lpush('jobs', late[1]); };
      try {
        return timeout(ms, () => wait(worker.blpop('jobs', 5), { abandoned: back })?.[1]);
      } catch (error) {
        if (error instanceof TimeoutError) return undefined;
        throw error;
      }
    };
    expect(await spawn(() => {
      const none = take(5);
      wait(redis.rpush('jobs', 'a', 'b'));
      const taken: (string | undefined)[] = [];
      // The first is what the wait that was given up got: it goes back, and comes out again.
      for (let i = 0; i < 100 && taken.length < 2; i++) {
        const job = take(1000);
        if (job !== undefined) taken.push(job);
      }
      return { none, taken: taken.sort() };
    })).toEqual({ none: undefined, taken: ['a', 'b'] });
    worker.disconnect();
  });

  it('hands messages to a coroutine by a channel', async () => {
    const subscriber = redis.duplicate();
    expect(await spawn(() => {
      const messages = new Channel<string>(8);
      subscriber.on('message', (_name: string, text: string) => { messages.trySend(text); });
      wait(subscriber.subscribe('news'));
      for (const text of ['one', 'two']) {
        wait(redis.publish('news', text));
        sleep(1);
      }
      return [messages.receive(), messages.receive()];
    })).toEqual(['one', 'two']);
    subscriber.disconnect();
  });
});
