/** The base of this library's errors: each has a `code` that stays the same from version to version. */
export abstract class StackfulError extends Error {
  abstract readonly code: string;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The engine cannot run here: it does not know this Node, or there is no addon that fits; the message says what to do. */
export class UnsupportedRuntimeError extends StackfulError {
  readonly code = 'ERR_UNSUPPORTED_RUNTIME';
}

/** The message of an UnsupportedRuntimeError that is about the Node, not about the package's installation. @internal */
export function unfit(what: string): string {
  return (
    `stackful does not support this runtime (Node ${process.versions.node}, V8 ${process.versions.v8}, ` +
    `${process.platform}-${process.arch}): ${what}. Supported are Node 20, 22, 24 and 26 on Linux, x64 and arm64.`
  );
}

/**
 * The library was loaded twice in one thread, and the loads cannot share one runtime: they are different versions, or the
 * first was not loaded by Node's own loader, from which the second would get its exports.
 */
export class LoadedTwiceError extends StackfulError {
  readonly code = 'ERR_LOADED_TWICE';
  constructor(...loads: readonly { version: string; place: string }[]) {
    const [first, second] = loads.map(({ version, place }) => `${version} in ${place}`);
    super(`stackful was loaded twice in this thread: ${first!} and ${second!}. Have one of them only (npm ls stackful)`);
  }
}

/** The environment (the process, or a worker) is ending: no coroutine can start in it. */
export class RuntimeEndedError extends StackfulError {
  readonly code = 'ERR_RUNTIME_ENDED';
  constructor() {
    super('this environment is going away; no coroutine can run in it any more');
  }
}

/** The main stack, which cannot wait, required or imported a module while the coroutine that loads it is parked. */
export class ModuleLoadingError extends StackfulError {
  readonly code = 'ERR_MODULE_LOADING';
  constructor(module: string, loader: string, options?: ErrorOptions) {
    super(
      `${module} is only half loaded: ${loader}, which runs its body, waits in it, and the main stack cannot wait for that. ` +
        `Require it in a coroutine, or after it has been loaded`,
      options,
    );
  }
}
