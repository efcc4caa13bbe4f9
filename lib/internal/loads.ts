import { join } from 'node:path';

import { LoadedTwiceError } from './errors.js';
import { native, own, owner, owns } from './native.js';

/** The codes that Node's `require` throws for sources that a test runner compiled by itself, or is evaluating. */
const NOT_NODES: readonly unknown[] = ['MODULE_NOT_FOUND', 'ERR_REQUIRE_CYCLE_MODULE'];

/**
 * What the load that owns the runtime exports from one of its files. If no load owns it yet, this one is in a vm context, and
 * Node's loader makes an owner, which outlives the context.
 *
 * @param mine what this load exports if it is the owner
 * @throws LoadedTwiceError (`ERR_LOADED_TWICE`) when the owner was not loaded by Node's loader
 */
export function shared<T>(name: string, mine: T): T {
  if (owns) return mine;
  const first = owner() ?? own;
  const require = native.global.process.getBuiltinModule('node:module').createRequire(first.place);
  try {
    const its = require(join(first.place, 'internal/native.js')) as { owns: boolean };
    if (its.owns) return require(join(first.place, `${name}.js`)) as T;
  } catch (error) {
    if (!(error instanceof ReferenceError) && !NOT_NODES.includes((error as NodeJS.ErrnoException).code)) throw error;
  }
  throw new LoadedTwiceError(first, own);
}

// Makes sure that there is an owner before other modules of the library use the runtime while they load.
shared('coroutine/coroutine', undefined);
