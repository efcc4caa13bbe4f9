import { spawn as start, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { postgresPrograms, startPostgres, type Postgres } from '../support/postgres.js';

const programs = postgresPrograms();

describe.skipIf(!programs)('examples/accounts.mjs (skipped where PostgreSQL is not installed)', () => {
  let database: Postgres;
  let server: ChildProcess;
  let url: string;

  beforeAll(async () => {
    database = await startPostgres(programs!);
    const env = { ...process.env, PGHOST: database.directory, PGUSER: 'postgres', PGDATABASE: 'postgres' };
    server = start(process.execPath, [fileURLToPath(new URL('../../examples/accounts.mjs', import.meta.url)), '0'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    url = String((await once(createInterface(server.stdout!), 'line'))[0]);
  }, 60_000);
  afterAll(async () => {
    server.kill('SIGKILL');
    await database.stop();
  });

  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(url + path, { method, ...body !== undefined && { body: JSON.stringify(body) } });
    return [response.status, await response.json()] as [number, Record<string, unknown>];
  };

  it('makes accounts and moves money', async () => {
    expect(await ask('PUT', '/accounts/ann', { balance: 100 })).toEqual([201, { name: 'ann', balance: 100 }]);
    expect(await ask('PUT', '/accounts/bob', { balance: 0 })).toEqual([201, { name: 'bob', balance: 0 }]);
    expect(await ask('POST', '/transfers', { from: 'ann', to: 'bob', amount: 30 })).toEqual([201, { id: expect.any(String) as string, from: 'ann', to: 'bob', amount: 30 }]);
    expect(await ask('GET', '/accounts/ann')).toEqual([200, { name: 'ann', balance: 70 }]);
    const [, moves] = await ask('GET', '/accounts/bob/moves') as unknown as [number, unknown[]];
    expect(moves).toEqual([expect.objectContaining({ amount: 30 })]);
  });

  it.each([
    ['PUT', '/accounts/ann', { balance: 1 }, 409],
    ['PUT', '/accounts/cid', { balance: -1 }, 400],
    ['GET', '/accounts/nobody', undefined, 404],
    ['GET', '/accounts/nobody/moves', undefined, 404],
    ['GET', '/%ff', undefined, 404],
    ['POST', '/transfers', { from: 'ann', to: 'ann', amount: 1 }, 400],
    ['POST', '/transfers', { from: 'ann', to: 'bob', amount: 1e6 }, 409],
    ['POST', '/transfers', { from: 'ann', to: 'nobody', amount: 1 }, 404],
    ['DELETE', '/accounts/ann', undefined, 404],
  ])('refuses %s %s %j with %d', async (method, path, body, status) => {
    expect(await ask(method, path, body)).toEqual([status, { error: expect.any(String) as string }]);
  });

  it('moves money both ways at once, and none is lost', async () => {
    const before = (await ask('GET', '/accounts/ann'))[1].balance;
    const all = await Promise.all(Array.from({ length: 40 }, (_, i) =>
      ask('POST', '/transfers', i % 2 === 0 ? { from: 'ann', to: 'bob', amount: 1 } : { from: 'bob', to: 'ann', amount: 1 })));
    expect(all.map(([status]) => status)).toEqual(all.map(() => 201));
    expect((await ask('GET', '/accounts/ann'))[1].balance).toBe(before);
  });

  /** Seconds: it waits for as long as the server is patient. */
  it('answers 503 while the database keeps it waiting, does nothing of it, and goes on', async () => {
    const blocker = new pg.Client({ host: database.directory, user: 'postgres', database: 'postgres' });
    await blocker.connect();
    await blocker.query('BEGIN; LOCK TABLE accounts');
    expect(await ask('POST', '/transfers', { from: 'ann', to: 'bob', amount: 5 })).toEqual([503, { error: 'the database is busy' }]);
    await blocker.query('ROLLBACK');
    await blocker.end();
    expect(await ask('GET', '/accounts/ann')).toEqual([200, { name: 'ann', balance: 70 }]);
  });

  it('ends when it is told to', async () => {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
