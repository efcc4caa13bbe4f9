import diagnostics from 'node:diagnostics_channel';

import type { Coroutine } from '../coroutine/coroutine.js';
import { sleep } from '../coroutine/sleep.js';
import { coroutines } from '../internal/current.js';
import { nameOf } from '../internal/names.js';
import { native } from '../internal/native.js';
import { isObserver } from '../observe/deadlock.js';
import { TraceBusyError } from './errors.js';

/** The parks that a recording holds: 20 MB while it is written. */
const MOST_PARKS = 100_000;
/** Numbers for each park in `native.recordedParks`. */
const FIELDS = 7;

/** An event in the Trace Event Format, which Perfetto and chrome://tracing read. Times in microseconds. */
interface TraceEvent {
  name: string;
  ph: 'X' | 'M' | 'i';
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  s?: 't';
  args?: Record<string, unknown>;
}

/** One park of one coroutine: times in milliseconds; `resumed` 0: it is not over. */
export interface TracedPark {
  track: number;
  what: string;
  parked: number;
  resumed: number;
}

/** A coroutine: its track, and when it began and ended, if that was during the recording. */
export interface Track {
  name: string;
  began?: number;
  ended?: number;
  /** What it was parked on when the recording began. */
  parkedOn?: string;
}

let recording = false;

/** Records every park for `ms` milliseconds, or until there are too many, as the text of a trace. Parks. */
export function record(ms: number): string {
  if (recording) throw new TraceBusyError();
  recording = true;
  const tracks = new Map<number, Track>();
  const slots = new Map<string, number>();
  const note = (c: Coroutine, about: Partial<Track>) => {
    if (isObserver(c)) return;
    slots.set(keyOf(c.slot, native.generation(c.slot)), c.id);
    tracks.set(c.id, { name: '', ...about });
  };
  const onSpawn = (message: unknown) => { note((message as { coroutine: Coroutine }).coroutine, { began: native.monotonicNow() }); };
  const onFinish = (message: unknown) => {
    const { coroutine } = message as { coroutine: Coroutine };
    const track = tracks.get(coroutine.id);
    if (track) Object.assign(track, { name: nameOf(coroutine), ended: native.monotonicNow() });
  };
  for (const c of coroutines()) note(c, c.state === 'parked' ? { parkedOn: c.parkedOn ?? '' } : {});
  diagnostics.subscribe('stackful.spawn', onSpawn);
  diagnostics.subscribe('stackful.finish', onFinish);
  const from = native.monotonicNow();
  native.recordParks(MOST_PARKS);
  let parks: TracedPark[];
  try {
    sleep(ms);
    parks = parksOf(native.recordedParks(), slots);
  } finally {
    native.recordParks(0);
    diagnostics.unsubscribe('stackful.spawn', onSpawn);
    diagnostics.unsubscribe('stackful.finish', onFinish);
    recording = false;
  }
  for (const c of coroutines()) {
    const track = tracks.get(c.id);
    if (track) track.name = nameOf(c);
  }
  return traceText(tracks, parks, from, native.monotonicNow());
}

function keyOf(slot: number, generation: number): string {
  return `${String(slot)}.${String(generation)}`;
}

function parksOf(numbers: Float64Array, slots: ReadonlyMap<string, number>): TracedPark[] {
  const parks: TracedPark[] = [];
  for (let i = 0; i < numbers.length; i += FIELDS) {
    const [slot, generation, kind, fd, number, parked, resumed] = numbers.subarray(i, i + FIELDS) as unknown as number[];
    const track = slots.get(keyOf(slot!, generation!));
    // The inspector's own.
    if (track === undefined) continue;
    const detail = fd! >= 0 ? ` fd=${String(fd)}` : kind !== SLEEP && number! > 0 ? ` #${String(number)}` : '';
    parks.push({ track, what: native.parkKindName(kind!) + detail, parked: parked!, resumed: resumed! });
  }
  return parks;
}

/** ParkKind::kSleep, whose number is a time. */
const SLEEP = 2;

/** The trace as JSON: for each coroutine a track with what it was parked on, and when it ran. */
export function traceText(tracks: ReadonlyMap<number, Track>, parks: readonly TracedPark[], from: number, to: number): string {
  const { pid } = process;
  const us = (ms: number) => Math.max(Math.round((ms - from) * 1_000 * 1_000) / 1_000, 0);
  const events: TraceEvent[] = [{ name: 'process_name', ph: 'M', pid, tid: 0, ts: 0, args: { name: `stackful ${String(pid)}` } }];
  const slice = (tid: number, name: string, begin: number, end: number, args?: Record<string, unknown>) => {
    if (end > begin) events.push({ name, ph: 'X', pid, tid, ts: us(begin), dur: us(end) - us(begin), ...(args && { args }) });
  };
  const byTrack = new Map<number, TracedPark[]>();
  for (const park of parks) {
    const others = byTrack.get(park.track);
    if (others) others.push(park);
    else byTrack.set(park.track, [park]);
  }
  for (const [tid, { name, began, ended, parkedOn }] of tracks) {
    events.push({ name: 'thread_name', ph: 'M', pid, tid, ts: 0, args: { name: name || `#${String(tid)}` } });
    const own = byTrack.get(tid) ?? [];
    // When it began to run, or ran again, if that is known.
    let since = began;
    // It has not moved: its park began before the recording and has outlasted it.
    if (own.length === 0 && parkedOn !== undefined && ended === undefined) slice(tid, parkedOn, from, to);
    for (const { what, parked, resumed } of own) {
      if (since !== undefined) slice(tid, 'run', since, parked);
      slice(tid, what, parked, resumed || to, resumed ? undefined : { unfinished: true });
      since = resumed || undefined;
    }
    if (since !== undefined) slice(tid, 'run', since, ended ?? since);
  }
  const otherData = { parks: parks.length, complete: parks.length < MOST_PARKS };
  return JSON.stringify({ displayTimeUnit: 'ms', otherData, traceEvents: events });
}
