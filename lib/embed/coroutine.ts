import { spawn, type SpawnOptions } from '../coroutine/coroutine.js';
import { CancelledError } from '../coroutine/errors.js';
import { timeout } from '../coroutine/timeout.js';
import { functionOf, numberIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { clientOf, isRequest, type Client } from './client.js';

/** The options of {@link coroutine}. */
export interface HandlerOptions extends Omit<SpawnOptions, 'signal'> {
  /** The time limit of each call, in milliseconds, as of `timeout`. Default: none. */
  timeout?: number;
}

const KNOWN = new Set(['name', 'stackSize', 'priority', 'timeSlice', 'timeout']);

type Next = (error: unknown) => void;

/** The function by which a handler of Connect or Express hands an error on; `next` of Koa takes none. */
function nextOf(args: readonly unknown[]): Next | undefined {
  const last = args.at(-1);
  return typeof last === 'function' && (isRequest(args[0]) || (args.length === 4 && isRequest(args[1]))) ? (last as Next) : undefined;
}

/** Runs a handler in the present coroutine; what it throws takes the way that its caller has for it. */
function answer<R>(handle: () => R, client: Client | undefined, next: Next | undefined): R {
  try {
    return handle();
  } catch (error) {
    if (error instanceof CancelledError && client?.hasLeft()) return client.nothing() as R;
    if (!next) throw error;
    // Without an error, `next` goes on to the next handler.
    next(error || new Error(`a handler threw ${String(error)}`, { cause: error }));
    return undefined as R;
  }
}

/**
 * Makes a handler for code that calls functions and takes promises: each call runs `handler` in a coroutine of its own, where it can wait
 * in calls that park, and returns a promise of its result. It has the length and the name of `handler`, which Express asks for.
 *
 * What `handler` throws rejects the promise. In Connect and Express, version 4 also, it goes to `next`. Where the arguments show a client,
 * those of node:http, node:http2, Connect, Express, Nest, Fastify, Koa, Hono and a `Request` of `fetch`, the coroutine has the name
 * of the request, such as `GET /users`, and is cancelled when the client leaves without having got the whole answer. With a `signal` among
 * the properties of its first argument, as tRPC gives it, it is cancelled when that is aborted; then the promise is rejected with the
 * signal's reason.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`)
 *
 * @example
 * ```ts
 * import { once } from 'node:events';
 * import { createServer } from 'node:http';
 * import { sleep } from 'stackful';
 * import { coroutine } from 'stackful/embed';
 *
 * const server = createServer(coroutine((request, response) => {
 *   sleep(1); // a query, another service
 *   response.end(`you asked for ${request.url}`);
 * })).listen(0);
 * await once(server, 'listening');
 * const { port } = server.address() as { port: number };
 * console.log(await (await fetch(`http://localhost:${port}/page`)).text()); // you asked for /page
 * server.close();
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- for where TypeScript cannot tell what a framework gives
export function coroutine<This, A extends any[], R>(
  handler: (this: This, ...args: A) => R,
  options: HandlerOptions = {},
): (this: This, ...args: A) => Promise<Awaited<R>> {
  functionOf('handler', handler);
  knownOptions('coroutine', options, KNOWN);
  const { timeout: limit, ...spawnOptions } = options;
  if (limit !== undefined) numberIn('options.timeout', limit, 0, Number.MAX_SAFE_INTEGER);

  function handle(this: This, ...args: A): Promise<Awaited<R>> {
    const client = clientOf(args);
    const next = nextOf(args);
    const call = () => Reflect.apply(handler, this, args);
    const limited = limit === undefined ? call : () => timeout(limit, call);
    const task = spawn(client || next ? () => answer(limited, client, next) : limited, spawnOptions);
    if (spawnOptions.name === undefined) task.nameBy(() => client?.name ?? handler.name);
    client?.follow(task);
    return task.promise as Promise<Awaited<R>>;
  }
  Object.defineProperties(handle, { name: { value: handler.name }, length: { value: handler.length } });
  return handle;
}
