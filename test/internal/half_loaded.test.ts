import { mkdtempSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

import { CancelledError, current, dump, Event, ModuleLoadingError, spawn, yieldNow } from 'stackful';

import { runChild } from '../support/child.js';

/** A function that the modules of these tests call with their names. It may wait. */
type Hook = (module: string) => void;
const world = globalThis as unknown as { inModule: Hook | undefined };

let directory: string;
let require: NodeJS.Require;
/** Where bodies wait until a test lets them go. */
let gate: Event;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stackful-modules-'));
  require = createRequire(join(directory, 'main.cjs'));
  gate = new Event();
  world.inModule = () => { gate.wait(); };
});
afterAll(() => { world.inModule = undefined; });

function module(name: string, source: string): string {
  const path = join(directory, name);
  writeFileSync(path, source);
  return path;
}

/** Lets every other coroutine run until it has to wait. */
function settle(): Promise<void> {
  return spawn(() => { for (let i = 0; i < 3; i++) yieldNow(); }).then();
}

describe('a module whose body is parked', () => {
  it('is waited for by the next coroutine that requires it', async () => {
    module('slow.cjs', "exports.first = 1; inModule('slow'); exports.second = 2;");
    module('replaced.cjs', "inModule('replaced'); module.exports = { value: 42 };");
    for (const name of ['slow', 'replaced']) {
      const all = [1, 2, 3].map(() => spawn(() => require(`./${name}.cjs`) as object, { name: 'wants it' }));
      await settle();
      expect(all[1]!.parkedOn).toBe('require');
      expect(dump()).toMatch(new RegExp(`require module .*${name}.cjs held by #\\d+ wants it`));
      gate.set();
      const got = await Promise.all(all);
      expect(got[0]).toEqual(name === 'slow' ? { first: 1, second: 2 } : { value: 42 });
      expect(got[1]).toBe(got[0]);
      expect(got[2]).toBe(got[0]);
      gate.reset();
    }
  });

  it('is loaded by the next one if the first fails, or is cancelled', async () => {
    module('fails.cjs', "exports.tries = globalThis.tries = (globalThis.tries ?? 0) + 1; inModule('fails'); if (tries === 1) throw new Error('once');");
    const [first, second] = [1, 2].map(() => spawn(() => (require('./fails.cjs') as { tries: number }).tries));
    await settle();
    gate.set();
    await expect(first).rejects.toThrow('once');
    expect(await second).toBe(2);

    gate.reset();
    module('cancelled.cjs', "inModule('cancelled'); exports.done = true;");
    const [third, fourth] = [1, 2].map(() => spawn(() => require('./cancelled.cjs') as object));
    await settle();
    third!.cancel();
    await expect(third).rejects.toBeInstanceOf(CancelledError);
    gate.set();
    expect(await fourth).toEqual({ done: true });
  });

  it('can be given up by a coroutine that waits for it', async () => {
    module('slow.cjs', "inModule('slow'); exports.done = true;");
    const [first, second] = [1, 2].map(() => spawn(() => require('./slow.cjs') as object));
    await settle();
    second!.cancel();
    await expect(second).rejects.toBeInstanceOf(CancelledError);
    gate.set();
    expect(await first).toEqual({ done: true });
  });

  it('cannot be had on the main stack, by require or import, and can be required afterwards', async () => {
    module('slow.cjs', "exports.first = 1; inModule('slow'); exports.second = 2;");
    const first = spawn(() => require('./slow.cjs') as object, { name: 'loader' });
    await settle();
    expect(() => require('./slow.cjs') as unknown).toThrow(ModuleLoadingError);
    expect(() => require('./slow.cjs') as unknown).toThrow(
      expect.objectContaining({ code: 'ERR_MODULE_LOADING', message: expect.stringMatching(/slow\.cjs is only half loaded: coroutine #\d+ loader/) }),
    );
    // By a program of Node's: vitest has an import() of its own.
    expect(await runChild('half_loaded.mjs', [directory])).toEqual({ exit: 0, stdout: 'ERR_MODULE_LOADING\n', stderr: '' });
    gate.set();
    expect(await first).toEqual({ first: 1, second: 2 });
    expect(require('./slow.cjs')).toEqual({ first: 1, second: 2 });
  });

  it('does not hold up what is loaded, nor other modules', async () => {
    module('slow.cjs', "inModule('slow');");
    module('other.cjs', 'exports.other = true;');
    const first = spawn(() => { require('./slow.cjs'); });
    await settle();
    expect(require('./other.cjs')).toEqual({ other: true });
    expect(require('./other.cjs')).toEqual({ other: true });
    expect(require('node:fs')).toBeDefined();
    expect(() => require('./absent.cjs') as unknown).toThrow(expect.objectContaining({ code: 'MODULE_NOT_FOUND' }));
    gate.set();
    await first;
  });
});

describe('a cycle', () => {
  const cycle = () => {
    module('a.cjs', "exports.half = 'a'; inModule('a'); exports.other = { ...require('./b.cjs') }; exports.whole = true;");
    module('b.cjs', "exports.half = 'b'; inModule('b'); exports.other = { ...require('./a.cjs') }; exports.whole = true;");
  };

  it('within one coroutine is what it is in Node', async () => {
    cycle();
    world.inModule = () => { yieldNow(); };
    expect(await spawn(() => require('./a.cjs') as object)).toEqual({
      half: 'a', whole: true, other: { half: 'b', whole: true, other: { half: 'a' } },
    });
  });

  it('across two coroutines ends, and only the one that closes it gets half', async () => {
    cycle();
    const [a, b] = ['a', 'b'].map((name) => spawn(() => require(`./${name}.cjs`) as Record<string, unknown>));
    await settle();
    gate.set();
    const [gotA, gotB] = [await a!, await b!];
    expect(gotA).toMatchObject({ half: 'a', whole: true });
    expect(gotB).toMatchObject({ half: 'b', whole: true });
    // The first to go on waits for the other one, which closes the circle.
    expect(gotA.other).toEqual({ half: 'b', whole: true, other: { half: 'a' } });
    expect(gotB.other).toEqual({ half: 'a' });
  });

  it('of a body that joins a coroutine which requires it ends, too', async () => {
    module('joins.cjs', "exports.half = true; exports.seen = inModule('joins'); exports.whole = true;");
    world.inModule = ((name: string) => spawn(() => ({ ...(require(`./${name}.cjs`) as object) })).join());
    expect(await spawn(() => require('./joins.cjs') as object)).toEqual({ half: true, whole: true, seen: { half: true } });
  });
});

describe('require of an ES module', () => {
  it('whose body is parked waits, also where it is a dependency', async () => {
    module('slow.mjs', "inModule('slow'); export const value = 42;");
    module('dep.mjs', "import { value } from './slow.mjs'; export const twice = value * 2;");
    const first = spawn(() => (require('./slow.mjs') as { value: number }).value);
    await settle();
    const second = spawn(() => (require('./slow.mjs') as { value: number }).value);
    const dependent = spawn(() => (require('./dep.mjs') as { twice: number }).twice);
    await settle();
    for (const name of ['slow', 'dep']) expect(() => require(`./${name}.mjs`) as unknown).toThrow(ModuleLoadingError);
    gate.set();
    expect([await first, await second, await dependent]).toEqual([42, 42, 84]);
  });
});

it('leaves the coroutine as it was', async () => {
  module('plain.cjs', 'exports.plain = true;');
  await spawn(() => {
    const self = current();
    expect(require('./plain.cjs')).toEqual({ plain: true });
    expect(current()).toBe(self);
  });
});
