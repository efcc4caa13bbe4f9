import { invalidType, invalidValue } from '../../internal/arguments.js';
import { forbiddenHeader } from '../errors.js';
import { addHeaders, linesOf, type HeaderMap, type RequestHeadersLike } from './lines.js';

/** The fields behind a body, or what gives them when that was sent. */
export type RequestTrailers = RequestHeadersLike | (() => RequestHeadersLike);

/** What has to stand before the body, because it says how that is framed, read or let in (RFC 9110 section 6.5.1). */
const NOT_BEHIND = [
  'authorization', 'cache-control', 'connection', 'content-encoding', 'content-length', 'content-range', 'content-type', 'cookie', 'host',
  'max-forwards', 'te',
];

function trailersOf(given: RequestHeadersLike): HeaderMap {
  const map: HeaderMap = new Map();
  addHeaders(map, given);
  for (const name of NOT_BEHIND) if (map.has(name)) throw forbiddenHeader(`the trailer ${name}`);
  return map;
}

/** Lines of trailers that may still have to be asked for, and the value of a `Trailer` header where they are known beforehand. */
export interface SentTrailers {
  /** May park; throws what the caller's function does. */
  readonly lines: () => string;
  readonly names: string | undefined;
}

/** @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`, and those of headers) */
export function sentTrailers(given: RequestTrailers, hasBody: boolean): SentTrailers {
  if (!hasBody) throw invalidValue('options.trailers', 'behind a body, which is missing', given);
  if (typeof given === 'function') {
    return {
      lines: () => {
        const fields: unknown = given();
        if (typeof fields !== 'object' || fields === null) throw invalidType('what options.trailers returns', 'an object', fields);
        return linesOf(trailersOf(fields as RequestHeadersLike));
      },
      names: undefined,
    };
  }
  const map = trailersOf(given);
  const lines = linesOf(map);
  return { lines: () => lines, names: [...map.values()].map(({ name }) => name).join(', ') };
}
