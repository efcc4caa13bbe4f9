import Module from 'node:module';

import type { Coroutine } from '../coroutine/coroutine.js';
import { current } from './current.js';
import { ModuleLoadingError } from './errors.js';
import { ParkKind } from './kinds.js';
import { WaitQueue } from './parking.js';
import type { Waitable } from './waiting.js';

/** The functions of Node's CommonJS loader that tools wrap too: require-in-the-middle, pirates and others, before or after us. */
interface Loader {
  _load: (this: Loader, request: string, parent: unknown, isMain: boolean) => unknown;
  _resolveFilename(request: string, parent: unknown, isMain: boolean): string;
  _cache: Record<string, { loaded: boolean } | undefined>;
  prototype: { load: (this: LoadedModule, filename: string) => void };
}

interface LoadedModule {
  loaded: boolean;
}

/** A module whose body a coroutine runs. */
class Loading implements Waitable {
  readonly ended = new WaitQueue();

  constructor(
    readonly filename: string,
    readonly loader: Coroutine,
  ) {}

  get label(): string {
    return `module ${this.filename}`;
  }

  heldBy(): Coroutine {
    return this.loader;
  }
}

/** The modules that coroutines are loading; mostly none. */
const loadings = new Map<LoadedModule, Loading>();
/** Coroutines that wait for the end of any loading, because they cannot tell which one they need. */
let anyEnded: WaitQueue | undefined;
const NO_ES_MODULE = /\.(cjs|json|node)$/;
/** Longer chains of coroutines that wait for each other are not followed. */
const LONGEST_CHAIN = 1_000;

/**
 * Two coroutines may require one module: while the body that the first runs is parked, `require` would give the second half
 * of the exports, as it does in a cycle. So the second waits until the first is done.
 *
 * - A cycle within a coroutine gets half of the exports, as in Node.
 * - So does a cycle across coroutines, where waiting would never end: the `require` that would close the cycle gets half.
 * - The main stack cannot wait: ModuleLoadingError. `import()` loads a CommonJS module there, and Node keeps the failure.
 * - If the body throws, the next `require` runs it again.
 * - `require` of an ES module whose dependencies are being evaluated fails in Node (ERR_REQUIRE_CYCLE_MODULE); a coroutine
 *   tries again later. `import()` of a module that depends on it cannot wait, and rejects with V8's ReferenceError, for good:
 *   `module.registerHooks` takes no promises, and its `resolve` cannot tell it from an `import` of a module being linked.
 *
 * While no coroutine loads a module, a `require` costs one comparison more, which does not show beside its 145 ns.
 */
export function guardModules(): void {
  const loader = Module as unknown as Loader;
  const { load } = loader.prototype;
  const { _load: get } = loader;

  loader.prototype.load = function (filename) {
    const self = current();
    if (!self) {
      Reflect.apply(load, this, [filename]);
      return;
    }
    const loading = new Loading(filename, self);
    loadings.set(this, loading);
    try {
      Reflect.apply(load, this, [filename]);
    } finally {
      loadings.delete(this);
      loading.ended.wakeAll();
      anyEnded?.wakeAll();
    }
  };

  loader._load = function (request, parent, isMain) {
    if (loadings.size === 0) return Reflect.apply(get, this, [request, parent, isMain]);
    awaitModule(loader, request, parent, isMain);
    for (;;) {
      try {
        return Reflect.apply(get, this, [request, parent, isMain]);
      } catch (error) {
        if ((error as { code?: unknown } | undefined)?.code !== 'ERR_REQUIRE_CYCLE_MODULE' || !awaitAnother(error)) throw error;
      }
    }
  };
}

/** Returns when the module is loaded as far as it can be for the caller. Parks. */
function awaitModule(loader: Loader, request: string, parent: unknown, isMain: boolean): void {
  let filename;
  try {
    filename = loader._resolveFilename(request, parent, isMain);
  } catch {
    // `_load` resolves the name again, and throws.
    return;
  }
  for (;;) {
    const module = loader._cache[filename];
    const loading = module && !module.loaded ? loadings.get(module) : undefined;
    if (!loading || !awaitLoading(loading)) return;
  }
}

/** Waits for the end of a loading. Returns false at once when its loader is the caller, or waits for the caller. Parks. */
function awaitLoading(loading: Loading): boolean {
  const self = current();
  const { loader } = loading;
  if (loader.state === 'done' || (self && waitsFor(loader, self))) return false;
  if (!self) throw new ModuleLoadingError(loading.filename, loader.label);
  loading.ended.park(ParkKind.module, 'require', undefined, loading);
  return true;
}

function waitsFor(waiting: Coroutine, self: Coroutine): boolean {
  let at: Coroutine | undefined = waiting;
  for (let i = 0; at && at !== self && i < LONGEST_CHAIN; i++) {
    const holders: Coroutine | readonly Coroutine[] | undefined = at.waitsFor?.heldBy?.();
    at = Array.isArray(holders) ? undefined : (holders as Coroutine | undefined);
  }
  return at === self;
}

/** The same for an ES module, which Node's error does not name: waits until any module that can be one is loaded. Parks. */
function awaitAnother(cause: unknown): boolean {
  const self = current();
  const others = [...loadings.values()].filter(
    ({ filename, loader }) =>
      !NO_ES_MODULE.test(filename) && loader !== self && loader.state !== 'done' && !(self && waitsFor(loader, self)),
  );
  if (others.length === 0) return false;
  if (!self) throw new ModuleLoadingError(others[0]!.filename, others[0]!.loader.label, { cause });
  const object: Waitable = {
    label: others.map((one) => one.label).join(' or '),
    heldBy: () => others.map((one) => one.loader),
  };
  (anyEnded ??= new WaitQueue()).park(ParkKind.module, 'require', undefined, object);
  return true;
}
