/** A Redis server of the test's own, on a Unix socket in a temporary directory. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';

import { spawn as go, wait } from 'stackful';

/** Debian: apt-get install redis-server. */
export const redisInstalled = spawnSync('redis-server', ['--version']).status === 0;

export interface RedisServer {
  /** Its socket. */
  path: string;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-redis-'));
  const path = join(directory, 'socket');
  const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--dir', directory], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  for (let i = 0; i < 400 && !existsSync(path); i++) await delay(25);
  return {
    path,
    async stop() {
      server.kill();
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}

/** What is the same in both clients. */
interface Commands {
  set(key: string, value: number): PromiseLike<unknown>;
  get(key: string): PromiseLike<unknown>;
  incr(key: string): PromiseLike<number>;
}

/** A hundred coroutines ask over one connection, and each gets its own answers. The server must be empty. */
export async function expectAnswersToMany(redis: Commands): Promise<void> {
  const sums = await go(() => {
    const all = Array.from({ length: 100 }, (_, i) => go(() => {
      wait(redis.set(`key ${String(i)}`, i));
      return Number(wait(redis.get(`key ${String(i)}`))) + wait(redis.incr('count'));
    }));
    return all.map((one) => one.join());
  });
  expect(sums.reduce((sum, one) => sum + one, 0)).toBe(99 * 50 + 101 * 50);
}
