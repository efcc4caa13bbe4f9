/** The classic programs, each over coroutines and over workers from the same module. */

import { describe, expect, it } from 'vitest';

import { inCoroutine } from 'stackful/embed';
import { over, type ThreadKind } from 'stackful/threads';

import { produceAndConsume } from './programs/bounded_buffer.mjs';
import { dine, SEATS } from './programs/dining.mjs';
import { mix } from './programs/mixed.mjs';
import { readAndWrite } from './programs/readers_writers.mjs';
import { heat, sequentialHeat } from './programs/stencil.mjs';

describe.each<ThreadKind>(['coroutines', 'workers'])('over %s', (kind) => {
  const threads = over(kind);

  it('philosophers dine', inCoroutine(() => {
    const MEALS = 30;
    const { names, meals } = dine(threads, MEALS);
    expect(names).toEqual(Array.from({ length: SEATS }, (_, seat) => `philosopher ${String(seat)} is full`));
    expect(meals).toEqual(Array.from({ length: SEATS }, () => MEALS));
  }));

  it('readers see what writers have completed', inCoroutine(() => {
    const { pair, torn, expected } = readAndWrite(threads, 60);
    expect(pair).toEqual([expected, expected]);
    expect(torn).toEqual([0, 0, 0]);
  }));

  it('consumers get each item of the producers once', inCoroutine(() => {
    expect(produceAndConsume(threads, 100)).toEqual(Array.from({ length: 200 }, (_, i) => i));
  }));

  it('a rod cools as it does in one thread', inCoroutine(() => {
    const CELLS = 50;
    const STEPS = 40;
    expect(heat(threads, CELLS, STEPS)).toEqual({ rod: sequentialHeat(CELLS, STEPS), serial: STEPS });
  }));

  it('cancelled threads leave nothing behind for those that go on', inCoroutine(() => {
    const done = Array.from({ length: 3 }, () => 'went on to the end');
    expect(mix(threads, 12)).toEqual({ done, left: [true, true, 2, 0, 0, 1] });
  }));
});
