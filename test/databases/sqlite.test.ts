import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

import { offload, sleep, spawn, timeout, TimeoutError } from 'stackful';

/** That of better-sqlite3 13, which crashes on earlier ones. */
const OLDEST_NODE = 22;
const worker = new URL('../workers/sqlite.mjs', import.meta.url);

describe.skipIf(parseInt(process.versions.node) < OLDEST_NODE)('SQLite by better-sqlite3 in workers (skipped before Node 22)', () => {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-sqlite-'));
  const file = join(directory, 'test.db');
  /** Runs queries in one transaction; the rows of each, or what it has changed. */
  const run = <Results extends unknown[]>(...queries: [string, ...unknown[]][]) => offload<Results>(worker, [file, queries]);
  const count = () => run<[[{ n: number }]]>(['SELECT count(*) AS n FROM log'])[0][0].n;
  /** A query that computes. */
  const sumTo = (n: number): [string, number] =>
    ['WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT sum(n) AS sum FROM c', n];

  beforeEach(async () => {
    await spawn(() => run(['DROP TABLE IF EXISTS log'], ['CREATE TABLE log (line TEXT UNIQUE)']));
  });
  afterAll(() => { rmSync(directory, { recursive: true }); });

  it('answers many coroutines, in a transaction each', async () => {
    expect(await spawn(() => {
      const all = Array.from({ length: 8 }, (_, i) => spawn(() =>
        run<[{ changes: number }, unknown]>(['INSERT INTO log VALUES (?)', `line ${String(i)}`], ['SELECT 1'])[0].changes));
      return [all.map((one) => one.join()), count()];
    })).toEqual([Array.from({ length: 8 }, () => 1), 8]);
  });

  it('lets other coroutines run while a query computes', async () => {
    const turns = await spawn(() => {
      const query = spawn(() => run<[[{ sum: number }]]>(sumTo(300_000))[0][0].sum);
      let n = 0;
      for (; query.state !== 'done'; n++) sleep(1);
      expect(query.join()).toBe(300_000 * 300_001 / 2);
      return n;
    });
    expect(turns).toBeGreaterThan(0);
  });

  it('throws the error of a query, with its code, and nothing of its transaction is done', async () => {
    await spawn(() => {
      run(['INSERT INTO log VALUES (?)', 'one']);
      expect(() => run(['INSERT INTO log VALUES (?)', 'two'], ['INSERT INTO log VALUES (?)', 'one']))
        .toThrow(expect.objectContaining({ code: 'SQLITE_CONSTRAINT_UNIQUE' }));
      expect(count()).toBe(1);
    });
  });

  it('does nothing of a transaction whose time is up', async () => {
    await spawn(() => {
      expect(() => timeout(30, () => run(['INSERT INTO log VALUES (?)', 'one'], sumTo(5_000_000)))).toThrow(TimeoutError);
      expect(count()).toBe(0);
      run(['INSERT INTO log VALUES (?)', 'one']);
      expect(count()).toBe(1);
    });
  });
});
