import { wait } from '../async/wait.js';
import { waitCallback } from '../async/wait_callback.js';
import { timeout } from '../coroutine/timeout.js';
import { ETIMEDOUT, TLS_CHOOSE_CONTEXT, TLS_CUT_OFF, TLS_FAILED } from '../internal/results.js';
import { systemError } from '../internal/system_errors.js';
import { failSocket } from '../net/failure.js';
import { legacyCertificate, verdictName } from './certificates.js';
import { nodeTls, SecureContext } from './context.js';
import { CertificateError, TlsContextError, TlsError, TlsHandshakeTimeoutError, TlsTruncatedError } from './errors.js';
import { TlsInfo, type Place } from './info.js';
import {
  ASK_CERTIFICATE,
  ASK_STAPLE,
  CHOOSE_CONTEXT,
  REFUSE,
  SERVER,
  tlsChoose,
  tlsError,
  tlsHandshake,
  tlsPeerCertificates,
  tlsServername,
  tlsStart,
  tlsState,
  type TlsState,
} from './native.js';
import type { ClientTerms, ServerTerms, SNICallback } from './terms.js';

/** The bytes from now on are TLS. `received`: what has come of them already. */
export function startTls(place: Place, terms: ServerTerms | ClientTerms, received?: Uint8Array): void {
  let flags = 0;
  if (terms.requestCert) flags |= ASK_CERTIFICATE;
  if (terms.refuse) flags |= REFUSE;
  const { server, context, protocols } = terms;
  if (server) flags |= SERVER;
  if (server && terms.sniCallback) flags |= CHOOSE_CONTEXT;
  if (!server && terms.requestOCSP) flags |= ASK_STAPLE;
  const servername = server ? undefined : terms.servername;
  const session = server ? undefined : terms.session;
  const code = tlsStart(place.number, place.ofHttp, context.number, flags, protocols, servername, session, received);
  if (code < 0) throw systemError(code, 'tls');
}

/**
 * Does the handshake of {@link startTls}. One that was ended early goes on where it was. Parks.
 *
 * @param operation to name in errors
 * @throws what `TlsSocket.handshake` throws
 */
export function shakeHands(where: () => Place, terms: ServerTerms | ClientTerms, operation: string): TlsInfo {
  const end = performance.now() + terms.handshakeTimeout;
  const left = () => Math.max(0, end - performance.now());
  const timedOut = () => { throw new TlsHandshakeTimeoutError(operation); };
  for (;;) {
    // Asked each time: it may be closed while this waits.
    const place = where();
    const code = tlsHandshake(place.number, place.ofHttp, left());
    if (code === 0) break;
    if (code === ETIMEDOUT) timedOut();
    if (code !== TLS_CHOOSE_CONTEXT) failHandshake(where(), code, operation);
    const context = timeout(left(), () => chosenContext(terms as ServerTerms, tlsServername(place.number, place.ofHttp)), timedOut);
    tlsChoose(where().number, place.ofHttp, context ? context.number : -1);
  }
  const place = where();
  const state = tlsState(place.number, place.ofHttp)!;
  const refusal = refusalOf(place, state, terms);
  if (refusal && terms.refuse) throw refusal;
  return new TlsInfo(where, state, terms.requestCert, refusal);
}

/** Throws the error of a call on a session, of TLS or of the connection below it. */
export function failTls(place: Place, code: number, operation: string, syscall: string): never {
  if (code === TLS_CUT_OFF) throw new TlsTruncatedError(operation);
  if (code === TLS_FAILED) {
    const [library, reason] = tlsError(place.number, place.ofHttp) ?? [];
    throw new TlsError(operation, library, reason);
  }
  return failSocket(place.number, code, operation, syscall);
}

function failHandshake(place: Place, code: number, operation: string): never {
  if (code === TLS_CUT_OFF) {
    const message = 'Client network socket disconnected before secure TLS connection was established';
    throw Object.assign(new Error(message), { code: 'ECONNRESET' });
  }
  if (code === TLS_FAILED) {
    const [, reason, verdict, text] = tlsError(place.number, place.ofHttp) ?? [];
    if (reason === 'certificate verify failed' && verdict) throw new CertificateError(verdictName(verdict), text!);
  }
  return failTls(place, code, operation, 'read');
}

/** Why the peer is not the one that it should be. */
function refusalOf(place: Place, state: TlsState, terms: ServerTerms | ClientTerms): Error | undefined {
  const [, , , , , , , verdict, text] = state;
  if (terms.server && !terms.requestCert) return undefined;
  if (verdict !== 0) return new CertificateError(verdictName(verdict), text);
  if (terms.server) return undefined;
  // Also of a session that is resumed: it may have been another host's.
  const own = terms.checkServerIdentity;
  const certificate = legacyCertificate(tlsPeerCertificates(place.number, place.ofHttp)!, own !== undefined)!;
  return (own ?? nodeTls().checkServerIdentity)(terms.identity, certificate) ?? undefined;
}

function chosenContext({ sniCallback }: ServerTerms, servername: string | undefined): SecureContext | undefined {
  if (!sniCallback || servername === undefined) return undefined;
  const context = ask(sniCallback, servername) ?? undefined;
  if (context !== undefined && !(context instanceof SecureContext)) throw new TlsContextError();
  return context;
}

/** The result of a callback that returns one, or a promise of it, or that calls back like Node's. */
function ask(callback: SNICallback, servername: string): unknown {
  if (callback.length < 2) {
    const returned: unknown = callback(servername, () => undefined);
    return isPromise(returned) ? wait(returned) : returned;
  }
  return waitCallback<unknown>((done) => {
    const answer = (context: unknown) => { if (context) done(null, context); };
    const returned: unknown = callback(servername, done);
    // Of an async function: what it returns before it calls back says nothing.
    if (isPromise(returned)) returned.then(answer, done);
    else answer(returned);
  });
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}
