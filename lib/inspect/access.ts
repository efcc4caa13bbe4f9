import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

import type { Request, ResponseLike } from '../http.js';

/** Of the session; without an expiry it ends with the browser's. */
const COOKIE = 'stackful_inspect';

/** Whether only programs of this machine can connect there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

export function newToken(): string {
  return randomBytes(24).toString('base64url');
}

/** What may be asked of an inspector, and who may ask. */
export class Access {
  /** @param token undefined: who can connect may ask */
  constructor(readonly token: string | undefined) {}

  /** The answer to a request that is refused, or that is sent on with a cookie; undefined: go on. */
  refusal(request: Request): ResponseLike {
    // The one that changes something, where that is allowed: a link or an image must not.
    const changes = request.method === 'POST' && request.path === '/recording';
    if (!changes && request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, headers: { Allow: 'GET, HEAD' }, body: 'only GET\n' };
    }
    const host = request.headers.get('host');
    if (!isAddress(host)) return { status: 403, body: 'only by address\n' };
    const origin = request.headers.get('origin');
    if (origin !== undefined && origin !== null && !isOwn(origin, host)) return { status: 403, body: 'not for other sites\n' };
    // A page of another site may not load anything here, as a script or an image either; a link to the page itself is fine.
    const site = request.headers.get('sec-fetch-site');
    const loads = request.headers.get('sec-fetch-mode') !== 'navigate';
    if (site === 'cross-site' && loads) return { status: 403, body: 'not for other sites\n' };
    return this.token === undefined ? undefined : this.refusalWithoutToken(request, this.token);
  }

  private refusalWithoutToken(request: Request, token: string): ResponseLike {
    const asked = request.query.get('token');
    if (asked !== null && isSame(asked, token)) {
      // The token must not stay in the address, which is shown, remembered and passed on.
      const query = new URLSearchParams(request.query);
      query.delete('token');
      const location = encodeURI(request.path) + (query.size > 0 ? `?${query.toString()}` : '');
      const cookie = `${COOKIE}=${token}; Path=/; HttpOnly; SameSite=Strict`;
      return { status: 303, headers: { Location: location, 'Set-Cookie': cookie, 'Cache-Control': 'no-store' } };
    }
    const bearer = /^bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
    if (bearer !== undefined && isSame(bearer, token)) return undefined;
    for (const part of (request.headers.get('cookie') ?? '').split(';')) {
      const [name, value] = part.trim().split('=', 2);
      if (name === COOKIE && isSame(value ?? '', token)) return undefined;
    }
    const body = 'a token is needed: /?token=TOKEN, or Authorization: Bearer TOKEN\n';
    return { status: 401, headers: { 'WWW-Authenticate': 'Bearer' }, body };
  }
}

/** Whether the Host is an address or localhost: a foreign page can reach us only by a name of its own (DNS rebinding). */
function isAddress(host: string | null | undefined): boolean {
  return !host || /^(localhost|[\d.]+|\[[\da-f:.]+\])(:\d+)?$/i.test(host);
}

function isOwn(origin: string, host: string | null | undefined): boolean {
  return host !== undefined && host !== null && (origin === `http://${host}` || origin === `https://${host}`);
}

/** Takes as long whatever differs. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
