import type { CipherNameAndProtocol, PeerCertificate } from 'node:tls';

import { withSignal } from '../coroutine/signal.js';
import type { File } from '../fs/file.js';
import { signalIn, type ParkOptions } from '../internal/parking.js';
import { CLOSED } from '../net/native.js';
import { Socket, type DelimiterOptions } from '../net/socket.js';
import { Mutex } from '../sync/mutex.js';
import { failTls, shakeHands, startTls } from './handshake.js';
import type { Place, TlsInfo } from './info.js';
import { tlsSession, tlsUpdateKeys } from './native.js';
import type { ClientTerms, ServerTerms } from './terms.js';

/**
 * A connection over TLS, with the calls of {@link Socket}. `connect` of this module returns one after its handshake. One that a
 * listener has accepted does its handshake in the first call that reads or writes, or in `handshake`: so a client that is slow
 * holds up its own coroutine, not the loop that accepts.
 *
 * Calls that read or write throw, besides what {@link Socket}'s throw, TlsError (`ERR_SSL_...`) when the peer breaks the protocol,
 * TlsTruncatedError (`ERR_TLS_TRUNCATED`) when the stream ends without the peer's announcement of its end, and what
 * `handshake` throws. A write that is interrupted breaks the socket as soon as any of it was encrypted.
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { connect } from 'stackful/tls';
 *
 * const page = () => {
 *   using socket = connect({ host: 'example.org', port: 443, ALPNProtocols: ['http/1.1'] });
 *   console.log(socket.protocol, socket.peerCertificate()?.subject.CN);
 *   socket.write('GET / HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n');
 *   return socket.readLine();
 * };
 * if (process.argv.includes('online')) console.log(await spawn(page));
 * ```
 */
export class TlsSocket extends Socket {
  private readonly terms: ServerTerms | ClientTerms;
  private secured: TlsInfo | undefined;
  private shaking: Mutex | undefined;

  /** `secured`: what came out of the handshake, if that is done. @internal */
  constructor(handle: number, terms: ServerTerms | ClientTerms, allowHalfOpen?: boolean, received?: Uint8Array, secured?: TlsInfo) {
    super(handle, allowHalfOpen);
    this.terms = terms;
    this.secured = secured;
    if (secured) return;
    try {
      startTls(this.place, terms, received);
    } catch (error) {
      // No caller gets it.
      this.close();
      throw error;
    }
  }

  /**
   * Does the handshake, unless that is done. Parks.
   *
   * A call that ends early leaves the handshake where it is; the next one goes on with it.
   *
   * @throws CertificateError when the peer's certificate is not trusted, with the code that Node has for the reason
   *   (`CERT_HAS_EXPIRED`, `DEPTH_ZERO_SELF_SIGNED_CERT`, `UNABLE_TO_VERIFY_LEAF_SIGNATURE`, ...); `ERR_TLS_CERT_ALTNAME_INVALID`
   *   when it is another host's; TlsError (`ERR_SSL_...`), TlsHandshakeTimeoutError (`ERR_TLS_HANDSHAKE_TIMEOUT`), `ECONNRESET`
   *   when the peer has left; what `SNICallback` and `checkServerIdentity` throw
   */
  handshake(options?: ParkOptions): void {
    const signal = signalIn('socket.handshake', options);
    if (signal) {
      withSignal(signal, () => { this.handshake(); });
      return;
    }
    if (this.secured) return;
    this.shaking ??= new Mutex();
    using _turn = this.shaking.lock();
    this.secured ??= shakeHands(() => this.place, this.terms, 'socket.handshake');
  }

  /** True, as of Node's TLSSocket. */
  override get encrypted(): true {
    return true;
  }

  /** What the handshake has agreed upon and found; undefined before it. The properties below are parts of it. */
  get tls(): TlsInfo | undefined {
    return this.secured;
  }

  /** The protocol that both sides have agreed upon; false when they have on none, undefined before the handshake. */
  get alpnProtocol(): string | false | undefined {
    return this.secured?.alpnProtocol;
  }

  /** Whether the peer's certificate is trusted, and a server's its own. False where clients are not asked for one. */
  get authorized(): boolean {
    return this.secured?.authorized ?? false;
  }

  /** Why it is not, as a code: where `rejectUnauthorized: false` has let the peer through. */
  get authorizationError(): string | undefined {
    return this.secured?.authorizationError;
  }

  /** `TLSv1.3` or `TLSv1.2`; undefined before the handshake. */
  get protocol(): string | undefined {
    return this.secured?.protocol;
  }

  /** The cipher, as `getCipher` of Node shows it; undefined before the handshake. */
  get cipher(): CipherNameAndProtocol | undefined {
    return this.secured?.cipher;
  }

  /** The name that the client has asked for; false when it has for none, undefined before the handshake. */
  get servername(): string | false | undefined {
    return this.secured?.servername;
  }

  /** Whether the handshake has resumed an earlier session. */
  get isSessionReused(): boolean {
    return this.secured?.isSessionReused ?? false;
  }

  /**
   * The peer's certificate in the form of `getPeerCertificate` of Node; undefined when it has shown none, before the handshake, and
   * if first asked for after the socket was closed.
   *
   * @param detailed with `issuerCertificate`
   */
  peerCertificate(detailed = false): PeerCertificate | undefined {
    return this.secured?.peerCertificate(detailed);
  }

  /**
   * The session, for the option `session` of a later connection to the same server; undefined while there is none. With TLS 1.3
   * the server sends it behind the handshake: ask after the first read.
   */
  getSession(): Buffer | undefined {
    return this.handle === CLOSED ? undefined : tlsSession(this.handle, false);
  }

  /**
   * Uses new keys from the next write on, and tells the peer now; with `both` it is to do the same. False where that is not possible:
   * before TLS 1.3, before the handshake and after {@link end}. Never parks.
   */
  updateKeys(both = true): boolean {
    return this.handle !== CLOSED && tlsUpdateKeys(this.handle, false, both);
  }

  override read(max?: number, options?: ParkOptions): Buffer | null {
    if (!this.secured) this.handshake(options);
    return super.read(max, options);
  }

  override readInto(buffer: Uint8Array, options?: ParkOptions): number {
    if (!this.secured) this.handshake(options);
    return super.readInto(buffer, options);
  }

  override readExactly(n: number, options?: ParkOptions): Buffer {
    if (!this.secured) this.handshake(options);
    return super.readExactly(n, options);
  }

  override readLine(options?: DelimiterOptions): string | null {
    if (!this.secured) this.handshake(signalOf(options));
    return super.readLine(options);
  }

  override readUntil(delimiter: string | Uint8Array | number, options?: DelimiterOptions): Buffer | null {
    if (!this.secured) this.handshake(signalOf(options));
    return super.readUntil(delimiter, options);
  }

  override write(data: string | Uint8Array, options?: ParkOptions): void {
    if (!this.secured) this.handshake(options);
    super.write(data, options);
  }

  override writev(list: readonly (string | Uint8Array)[], options?: ParkOptions): void {
    if (!this.secured) this.handshake(options);
    super.writev(list, options);
  }

  /** As of {@link Socket}; the bytes pass through this process, because they have to be encrypted. Parks. */
  override sendFile(file: File | number, offset?: number, length?: number, options?: ParkOptions): number {
    if (!this.secured) this.handshake(options);
    return super.sendFile(file, offset, length, options);
  }

  /** Announces the end of the stream (close_notify), after writes under way, for which it may park. Reading is still possible. */
  override end(): void {
    if (!this.secured) this.handshake();
    super.end();
  }

  /** @internal */
  override fail(code: number, operation: string, syscall: string): never {
    failTls(this.place, code, operation, syscall);
  }

  private get place(): Place {
    return { number: this.handle, ofHttp: false };
  }
}

function signalOf(options: ParkOptions | undefined): ParkOptions | undefined {
  return options?.signal && { signal: options.signal };
}
