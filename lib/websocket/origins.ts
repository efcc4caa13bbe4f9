import { functionOf, invalidType, invalidValue } from '../internal/arguments.js';

/** Decides over an origin; undefined: the request has no header `Origin`, so no page in a browser has made it. */
export type AllowOrigin = (origin: string | undefined) => boolean;

const ORIGIN = /^(?:null|[a-z][a-z0-9+.-]*:\/\/[^\s/?#@,]+)$/;

/** The origins, checked; throws for what no browser would send, which would silently allow none. */
function originsOf(given: readonly string[]): readonly string[] {
  for (const origin of given) {
    if (typeof origin !== 'string' || !ORIGIN.test(origin) || (/^(?:http|ws)s?:/.test(origin) && !isAsSent(origin))) {
      throw invalidValue('options.origins', 'a list of origins as browsers send them, such as https://example.com', origin);
    }
  }
  return given;
}

/** Whether it is in lower case, and without the port that its scheme has anyhow. */
function isAsSent(origin: string): boolean {
  return URL.canParse(origin) && new URL(origin).origin === origin;
}

/**
 * Whether a request with this header `Origin` may have a WebSocket. Browsers let pages of any site connect, with the cookies of the site
 * that they connect to, and always send the header; other programs could write into it what they like.
 */
export function allowsOrigin(origins: readonly string[] | AllowOrigin | undefined, origin: string | undefined): boolean {
  if (origins === undefined) return true;
  if (typeof origins === 'function') return functionOf('options.origins', origins)(origin);
  if (!Array.isArray(origins)) throw invalidType('options.origins', 'a list or a function', origins);
  const known = originsOf(origins as readonly string[]);
  return origin === undefined || known.includes(origin);
}
