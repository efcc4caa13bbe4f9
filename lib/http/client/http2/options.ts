import { booleanOf, integerIn, invalidType, invalidValue } from '../../../internal/arguments.js';
import { knownOptions } from '../../../internal/options.js';
import { Http2UnsupportedError } from '../../errors.js';
import { lacking } from '../../http2/settings.js';

/** HTTP/2 of a client; see `http2` of {@link ClientOptions}. */
export interface Http2ClientOptions {
  /** Whether servers with `http:`, and those behind Unix sockets, are spoken to in HTTP/2 from the first byte on. Default false. */
  priorKnowledge?: boolean;
  /** Bytes of a body that a server may send ahead of its reader, at least 65535. Default 1 MiB. */
  streamWindow?: number;
  /**
   * For how many milliseconds a server that has requests may be silent: then it is sent a PING, and after as long again without a byte
   * the connection has failed (`ERR_HTTP_CLIENT_PING_TIMEOUT`). `Infinity`: no PINGs. Default 15,000.
   */
  pingAfter?: number;
}

/** HTTP/2 of a route. */
export interface Http2Terms {
  readonly priorKnowledge: boolean;
  readonly streamWindow: number;
  /** 0: no PINGs. */
  readonly silentMs: number;
  /** The longest head that is announced. */
  readonly headBytes: number;
}

const KNOWN = new Set(['priorKnowledge', 'streamWindow', 'pingAfter']);
const LEAST_WINDOW = 65535;
const MOST = 2 ** 31 - 1;

/** Undefined: HTTP/2 is not wanted, or this Node has none. @throws TypeError, RangeError, Http2UnsupportedError */
export function http2Terms(given: boolean | 'prior-knowledge' | Http2ClientOptions | undefined, headBytes: number): Http2Terms | undefined {
  if (given === undefined || given === false) return undefined;
  if (typeof given === 'string' && given !== 'prior-knowledge') {
    throw invalidValue('options.http2', "a boolean, 'prior-knowledge' or an object", given);
  }
  if (given !== true && typeof given !== 'string' && (typeof given !== 'object' || given as unknown === null)) {
    throw invalidType('options.http2', "a boolean, 'prior-knowledge' or an object", given);
  }
  const options: Http2ClientOptions = given === true ? {} : given === 'prior-knowledge' ? { priorKnowledge: true } : given;
  knownOptions('options.http2', options, KNOWN);
  const { priorKnowledge = false, streamWindow = 1024 * 1024, pingAfter = 15_000 } = options;
  booleanOf('options.http2.priorKnowledge', priorKnowledge);
  integerIn('options.http2.streamWindow', streamWindow, LEAST_WINDOW, MOST);
  if (pingAfter !== Infinity) integerIn('options.http2.pingAfter', pingAfter, 1, MOST);
  const missing = lacking();
  if (missing !== undefined) {
    // Over TLS the server is just not told of it.
    if (priorKnowledge) throw new Http2UnsupportedError(missing);
    return undefined;
  }
  return { priorKnowledge, streamWindow, silentMs: pingAfter === Infinity ? 0 : pingAfter, headBytes };
}
