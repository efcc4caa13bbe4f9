import { functionOf, integerIn, invalidType, invalidValue, numberIn } from '../../internal/arguments.js';
import { knownOptions } from '../../internal/options.js';
import type { TlsClientOptions } from '../../tls/terms.js';
import { TOKEN } from '../fields.js';
import type { Request } from '../request.js';

/** How active checks of upstreams are made. */
export interface HealthCheck {
  /** What is asked for, with `GET`; an answer 200 to 399 is a good one. */
  path: string;
  /** From one check of an upstream to the next, in milliseconds. Default 5000. */
  interval?: number;
  /** The most milliseconds of a check. Default 2000. */
  timeout?: number;
}

/** What has gone wrong with an upstream. */
export interface ProxyFailure {
  /** The URL of the upstream; undefined when there was none to ask. */
  readonly upstream: string | undefined;
  /** The request; undefined for a check of its health, and for a body that breaks off. */
  readonly request: Request | undefined;
  /** What the client has got: 502, 503 or 504; 0: the end of its connection, or nothing, because another upstream was asked. */
  readonly status: number;
}

/** By which a request finds its upstream, the same one each time as long as that works. */
export interface HashBy {
  /** The client's address, the value of a header, or that of a cookie; the address where there is none of that name. */
  hash: 'address' | { header: string } | { cookie: string };
}

/** The options of {@link proxy}. Times in milliseconds; `Infinity` sets no limit. */
export interface ProxyOptions {
  /**
   * Which upstream gets a request: the one with the fewest requests under way, each in turn, or by a consistent hash of the client's
   * address, a header or a cookie. Default `'least-connections'`.
   */
  balance?: 'least-connections' | 'round-robin' | HashBy;
  /** What upstreams are told as `Host`: the client's, theirs, or another. Default `'keep'`. */
  host?: 'keep' | 'upstream' | (string & {});
  /**
   * Whether `X-Forwarded-For`, `-Proto`, `-Host` and `Forwarded` of a client are passed on, with our own behind them: for clients that are
   * proxies, by their address. Default false: theirs are dropped.
   */
  trust?: boolean | ((address: string) => boolean);
  /** How often a request is sent to another upstream after a failure, where that is safe. Default 1. */
  retries?: number;
  /** Connections to each upstream; further requests wait. Default 1024. */
  connections?: number;
  /** For how long a connection without a request is kept. Default 4000. */
  idleTimeout?: number;
  /** For making a connection. Default 5000. */
  connectTimeout?: number;
  /** For the head of an answer. Default 60,000. */
  headersTimeout?: number;
  /** From one piece of an answer's body to the next. Default 60,000. */
  bodyTimeout?: number;
  /** For a whole request, with its answer. Default: no limit. */
  timeout?: number;
  /** An upstream that has failed so often in a row is left out. Default 3. */
  maxFailures?: number;
  /** For how long; then it gets a request again, to see. Default 10,000. */
  failTimeout?: number;
  /** Asks upstreams from time to time whether they work. Default: no. */
  health?: HealthCheck;
  /** For upstreams with `https:`, the options of `connect` of `stackful/tls`. */
  tls?: TlsClientOptions;
  /** Is told of failures of upstreams. Default: a line on stderr. */
  onError?: (error: unknown, failure: ProxyFailure) => void;
}

const KNOWN = new Set([
  'balance', 'host', 'trust', 'retries', 'connections', 'idleTimeout', 'connectTimeout', 'headersTimeout', 'bodyTimeout', 'timeout',
  'maxFailures', 'failTimeout', 'health', 'tls', 'onError',
]);
const KNOWN_OF_HEALTH = new Set(['path', 'interval', 'timeout']);
const LONGEST = 2 ** 31 - 1;

export type Settings = Required<Omit<ProxyOptions, 'health'>> & { health: Required<HealthCheck> | undefined };

const DEFAULTS: Settings = {
  balance: 'least-connections',
  host: 'keep',
  trust: false,
  retries: 1,
  connections: 1024,
  idleTimeout: 4000,
  connectTimeout: 5000,
  headersTimeout: 60_000,
  bodyTimeout: 60_000,
  timeout: Infinity,
  maxFailures: 3,
  failTimeout: 10_000,
  health: undefined,
  tls: {},
  onError: (error, { upstream, request, status }) => {
    const what = request ? `${request.method} ${request.target}` : 'an answer or a check';
    const { message } = (error ?? {}) as Partial<Error>;
    const answered = status > 0 ? ` (${String(status)})` : '';
    console.error(`stackful proxy: ${upstream ?? 'no upstream'}: ${what}: ${message ?? String(error)}${answered}`);
  },
};

/** @throws TypeError, RangeError for wrong values */
export function settingsOf(options: ProxyOptions): Settings {
  if (typeof options !== 'object' || options as unknown === null) throw invalidType('options', 'an object', options);
  knownOptions('proxy', options, KNOWN);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ProxyOptions;
  const all = { ...DEFAULTS, ...given };
  for (const name of ['idleTimeout', 'connectTimeout', 'failTimeout'] as const) numberIn(`options.${name}`, all[name], 1, LONGEST);
  for (const name of ['headersTimeout', 'bodyTimeout', 'timeout'] as const) numberIn(`options.${name}`, all[name], 1, Infinity);
  integerIn('options.retries', all.retries, 0, 1000);
  integerIn('options.connections', all.connections, 1, LONGEST);
  integerIn('options.maxFailures', all.maxFailures, 1, LONGEST);
  if (typeof all.trust !== 'boolean') functionOf('options.trust', all.trust);
  if (typeof all.host !== 'string' || !/^[^\s/]+$/.test(all.host)) throw invalidValue('options.host', "'keep', 'upstream' or a host", all.host);
  functionOf('options.onError', all.onError);
  checkBalance(all.balance);
  return { ...all, health: all.health && healthOf(all.health) };
}

function checkBalance(balance: Settings['balance']): void {
  if (balance === 'least-connections' || balance === 'round-robin') return;
  const by = typeof balance === 'object' && balance as unknown !== null ? balance.hash : undefined;
  if (by === 'address') return;
  const name = typeof by === 'object' ? ('header' in by ? by.header : by.cookie) : undefined;
  if (typeof name !== 'string' || !TOKEN.test(name)) {
    throw invalidValue('options.balance', "'least-connections', 'round-robin' or { hash: 'address' | { header } | { cookie } }", balance);
  }
}

function healthOf(given: HealthCheck): Required<HealthCheck> {
  if (typeof given !== 'object' || given as unknown === null) throw invalidType('options.health', 'an object', given);
  knownOptions('options.health', given, KNOWN_OF_HEALTH);
  const { path, interval = 5000, timeout = 2000 } = given;
  if (typeof path !== 'string' || !path.startsWith('/')) throw invalidValue('options.health.path', 'a path', path);
  numberIn('options.health.interval', interval, 1, LONGEST);
  numberIn('options.health.timeout', timeout, 1, LONGEST);
  return { path, interval, timeout };
}
