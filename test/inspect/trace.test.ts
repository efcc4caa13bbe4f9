import { describe, expect, it } from 'vitest';

import { Mutex, sleep, spawn } from 'stackful';
import { record, traceText, type Track } from '../../lib/inspect/trace.js';

interface Event { name: string; ph: string; tid: number; ts: number; dur?: number; args?: { name?: string } }
const eventsOf = (text: string) => (JSON.parse(text) as { traceEvents: Event[] }).traceEvents;

describe('a trace', () => {
  it('has a track for each coroutine, on which it is parked or runs', () => {
    const tracks = new Map<number, Track>([
      [1, { name: '#1 long', parkedOn: 'sleep 60000ms' }],
      [2, { name: '#2 short', began: 101, ended: 110 }],
      [3, { name: '#3 open' }],
    ]);
    const events = eventsOf(traceText(tracks, [
      { track: 2, what: 'mutex.lock', parked: 102, resumed: 105 },
      { track: 2, what: 'sleep', parked: 106, resumed: 109 },
      { track: 3, what: 'socket.read fd=7', parked: 104, resumed: 0 },
    ], 100, 120));
    const slices = (tid: number) => events.filter(({ ph, tid: track }) => ph === 'X' && track === tid).map(({ name, ts, dur }) => [name, ts, dur]);
    expect(slices(1)).toEqual([['sleep 60000ms', 0, 20_000]]);
    expect(slices(2)).toEqual([['run', 1_000, 1_000], ['mutex.lock', 2_000, 3_000], ['run', 5_000, 1_000], ['sleep', 6_000, 3_000], ['run', 9_000, 1_000]]);
    expect(slices(3)).toEqual([['socket.read fd=7', 4_000, 16_000]]);
    expect(events.filter(({ name }) => name === 'thread_name').map(({ args }) => args!.name)).toEqual(['#1 long', '#2 short', '#3 open']);
  });

  it('is recorded from what coroutines do, those that begin and end meanwhile included', async () => {
    const mutex = new Mutex();
    let over = false;
    const busy = spawn(() => {
      while (!over) spawn(() => { mutex.withLock(() => { sleep(1); }); }, { name: 'brief' }).join();
    }, { name: 'busy' });
    const seen = async () => {
      const events = eventsOf(await spawn(() => record(60)));
      const names = new Map(events.filter(({ name }) => name === 'thread_name').map(({ tid, args }) => [tid, args!.name!]));
      const of = (pattern: RegExp) => events.filter(({ ph, tid }) => ph === 'X' && pattern.test(names.get(tid)!)).map(({ name }) => name.split(' ')[0]);
      for (const { ts, dur } of events) expect(ts >= 0 && (dur ?? 0) >= 0).toBe(true);
      return { busy: new Set(of(/busy/)), brief: new Set(of(/brief/)) };
    };
    // A slow machine may do nothing for as long as one recording.
    await expect.poll(seen, { timeout: 60_000 }).toEqual({ busy: new Set(['join', 'run']), brief: new Set(['sleep', 'run']) });
    over = true;
    await busy;
  });

  it('is recorded for one viewer at a time', async () => {
    const first = spawn(() => record(100_000));
    await spawn(() => { sleep(1); });
    await expect(spawn(() => record(1))).rejects.toMatchObject({ code: 'ERR_TRACE_BUSY' });
    first.cancel();
    await expect(first).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    await expect(spawn(() => record(1))).resolves.toContain('traceEvents');
  });
});
