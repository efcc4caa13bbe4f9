/** Admission as programs use it. */
import { afterEach, describe, expect, it } from 'vitest';

import {
  admit, AdmissionRefusedError, atomic, CancelledError, configure, NotInCoroutineError, simulate, sleep, spawn, stats, yieldNow,
} from 'stackful';
import { router } from 'stackful/http';
import { start, url } from '../../http/helpers.js';

afterEach(() => { configure({ admission: false }); });

const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

/** A coroutine that is always ready, until it is cancelled. */
function busy() {
  return spawn(() => {
    for (;;) {
      for (const end = performance.now() + 1; performance.now() < end;);
      yieldNow();
    }
  });
}

/** Until admission has seen that the processor is short. */
async function untilShort(): Promise<void> {
  while (!stats().admission!.short.includes('cpu')) await spawn(() => { admit('look', () => undefined); sleep(1); });
}

/** The counters of an edge; undefined while admission is off. */
function countersOf(name: string): object | undefined {
  const found = stats().admission?.edges.find((one) => one.name === name);
  return found && { admitted: found.admitted, inFlight: found.inFlight, held: found.held, refused: found.refused };
}

const edge = (name: string) => stats().admission!.edges.find((one) => one.name === name);

describe('admit', () => {
  it.each([false, true])('runs a function, admission: %s', async (admission) => {
    configure({ admission });
    expect(await spawn(() => admit('work', () => (sleep(1), 42)))).toBe(42);
    await expect(spawn(() => admit('work', () => { throw new Error('mine'); })).promise).rejects.toThrow('mine');
    expect(() => admit('work', () => 1)).toThrow(NotInCoroutineError);
    expect(await spawn(() => { try { return atomic(() => admit('work', () => 1)); } catch (error) { return (error as { code: string }).code; } }))
      .toBe('ERR_ATOMIC_SECTION');
    expect(countersOf('work')).toEqual(admission ? { admitted: 2, inFlight: 0, held: 0, refused: 0 } : undefined);
  });

  it('refuses bad arguments', async () => {
    const bad = (fn: () => unknown) => spawn(() => { try { fn(); return 'done'; } catch (error) { return (error as { code: string }).code; } });
    expect(await bad(() => admit(1 as never, () => 1))).toBe('ERR_INVALID_ARG_TYPE');
    expect(await bad(() => admit('work', 1 as never))).toBe('ERR_INVALID_ARG_TYPE');
    expect(await bad(() => admit('work', () => 1, { patience: -1 }))).toBe('ERR_OUT_OF_RANGE');
    expect(await bad(() => admit('work', () => 1, { patients: 1 } as never))).toBe('ERR_UNKNOWN_OPTION');
    expect(() => { configure({ admission: 1 as never }); }).toThrow(code('ERR_INVALID_ARG_TYPE'));
    expect(() => { configure({ admission: { patience: -1 } }); }).toThrow(code('ERR_OUT_OF_RANGE'));
    expect(() => { configure({ admission: { impatience: 1 } as never }); }).toThrow(code('ERR_UNKNOWN_OPTION'));
    expect(stats().admission).toBeUndefined();
  });

  it('holds while the processor is short, and refuses what has no patience, or lets it in', async () => {
    configure({ admission: true });
    const load = busy();
    await untilShort();
    await expect(spawn(() => admit('work', () => 1, { patience: 0 })).promise).rejects.toThrow(AdmissionRefusedError);
    expect(edge('work')).toMatchObject({ admitted: 0, refused: 1 });
    // It does not wait for ever, although others are always ready.
    expect(await spawn(() => admit('work', () => 1))).toBe(1);
    load.cancel();
    await load.promise.catch(() => undefined);
  });

  it('keeps the patience of one that is held behind others with more', async () => {
    configure({ admission: true });
    const load = busy();
    await untilShort();
    const before = Array.from({ length: 100 }, () => spawn(() => admit('work', () => 1)));
    await expect(spawn(() => admit('work', () => 1, { patience: 5 })).promise).rejects.toThrow(AdmissionRefusedError);
    expect(edge('work')).toMatchObject({ refused: 1 });
    expect((edge('work') as { held: number }).held).toBeGreaterThan(0);
    configure({ admission: false });
    await Promise.all(before);
    await expect(spawn(() => admit('work', () => 1, { signal: AbortSignal.abort(new Error('too late')) })).promise).rejects.toThrow('too late');
    load.cancel();
    await load.promise.catch(() => undefined);
  });

  it('ends early by a signal, and has not called the function', async () => {
    configure({ admission: true });
    const load = busy();
    await untilShort();
    let called = false;
    const work = spawn(() => admit('work', () => { called = true; }, { signal: AbortSignal.abort(new Error('too late')) }));
    await expect(work.promise).rejects.toThrow('too late');
    const cancelled = spawn(() => admit('work', () => { called = true; }));
    cancelled.cancel();
    await expect(cancelled.promise).rejects.toThrow(CancelledError);
    expect(called).toBe(false);
    load.cancel();
    await load.promise.catch(() => undefined);
  });

  it('tells 64 edges apart', async () => {
    configure({ admission: true });
    await spawn(() => { for (let i = 0; i < 100; i++) admit(`edge ${String(i)}`, () => i); });
    const { edges } = stats().admission!;
    expect(edges).toHaveLength(64);
    expect(edges[0]).toMatchObject({ name: 'edge 0', admitted: 1 });
    expect(edges[63]).toMatchObject({ name: 'others', admitted: 37 });
  });

  it('holds nobody in a simulation, which must go the same way again', async () => {
    configure({ admission: true });
    expect(await simulate({}, () => admit('work', () => (sleep(1000), 1)))).toBe(1);
    expect(edge('work')).toBeUndefined();
  });

  it('lets in all that are held when it is switched off, and counts anew when it is on again', async () => {
    configure({ admission: true });
    const load = busy();
    await untilShort();
    const held = Array.from({ length: 100 }, () => spawn(() => admit('work', () => 1)));
    await spawn(() => undefined);
    configure({ admission: false });
    expect(await Promise.all(held)).toEqual(held.map(() => 1));
    configure({ admission: true });
    expect(stats().admission!.edges).toEqual([]);
    load.cancel();
    await load.promise.catch(() => undefined);
  });
});

describe('requests', () => {
  it('are units of their routes, until their answers begin', async () => {
    configure({ admission: true });
    const inFlight: number[] = [];
    const things = router().get('/:id', (request) => {
      inFlight.push(edge('request GET /:id')!.inFlight);
      return request.params.id;
    });
    const server = start(router()
      .get('/plain', () => 'plain')
      .get('/parts', function* () { yield String(edge('request GET /parts')!.inFlight); })
      .get('/fails', () => { throw new Error('mine'); })
      .mount('/things', things));
    // The first of a server, whose router is not known yet.
    expect((await fetch(url(server, '/plain'))).status).toBe(200);
    for (let i = 0; i < 3; i++) expect(await (await fetch(url(server, '/plain'))).text()).toBe('plain');
    // The first part is asked for before the answer begins.
    expect(await (await fetch(url(server, '/parts'))).text()).toBe('1');
    expect((await fetch(url(server, '/fails'))).status).toBe(500);
    expect(await (await fetch(url(server, '/things/7'))).text()).toBe('7');
    expect(inFlight).toEqual([1]);
    const { edges } = stats().admission!;
    expect(edges.map(({ name, admitted, inFlight: left }) => [name, admitted, left])).toEqual([
      ['requests', 1, 0], ['request GET /plain', 3, 0], ['request GET /parts', 1, 0], ['request GET /fails', 1, 0], ['request GET /:id', 1, 0],
    ]);
  });

  it('of a server without a router are one edge, and a 503 when they have been held for too long', async () => {
    configure({ admission: { patience: 0 } });
    let called = 0;
    const server = start(() => { called++; return 'done'; });
    const load = busy();
    await untilShort();
    const response = await fetch(url(server));
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(called).toBe(0);
    expect(edge('requests')).toMatchObject({ refused: 1, admitted: 0 });
    load.cancel();
    await load.promise.catch(() => undefined);
    configure({ admission: { patience: Infinity } });
    expect((await fetch(url(server))).status).toBe(200);
    expect(server.errors).toEqual([]);
  });
});
