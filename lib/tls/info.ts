import type { CipherNameAndProtocol, PeerCertificate } from 'node:tls';

import { legacyCertificate } from './certificates.js';
import { tlsPeerCertificates, tlsStapled, type TlsState } from './native.js';

/** Where a session is: see ./native.ts. */
export interface Place {
  /** -1 once it is closed. */
  readonly number: number;
  readonly ofHttp: boolean;
}

/** What came out of a handshake. */
export class TlsInfo {
  private peers: readonly Buffer[] | undefined;

  /** @internal */
  constructor(
    private readonly place: () => Place,
    private readonly state: TlsState,
    /** Whether the peer's certificate was verified. */
    private readonly verified: boolean,
    /** Why it is not trusted; undefined when it is. @internal */
    readonly refusal: Error | undefined,
  ) {}

  /** `TLSv1.3` or `TLSv1.2`. */
  get protocol(): string {
    return this.state[0];
  }

  /** The cipher, as `getCipher` of Node shows it. */
  get cipher(): CipherNameAndProtocol {
    const [, name, standardName, version] = this.state;
    return { name: name!, standardName: standardName!, version: version! };
  }

  /** The protocol that both sides have agreed upon; false when they have on none. */
  get alpnProtocol(): string | false {
    return this.state[4] ?? false;
  }

  /** The name that the client has asked for; false when it has for none. */
  get servername(): string | false {
    return this.state[5] ?? false;
  }

  /** Whether the handshake has resumed an earlier session. */
  get isSessionReused(): boolean {
    return this.state[6];
  }

  /** Whether the peer's certificate is trusted, and a server's its own. False where clients are not asked for one. */
  get authorized(): boolean {
    return this.verified && this.refusal === undefined;
  }

  /** Why it is not, as a code: where `rejectUnauthorized: false` has let the peer through. */
  get authorizationError(): string | undefined {
    const { refusal } = this;
    return refusal && 'code' in refusal ? String(refusal.code) : refusal?.message;
  }

  /** The response of OCSP that the server has stapled to its certificate, DER, not looked at; see `requestOCSP`. */
  get ocspResponse(): Buffer | undefined {
    const { number, ofHttp } = this.place();
    return number >= 0 ? tlsStapled(number, ofHttp) : undefined;
  }

  /**
   * The peer's certificate in the form of `getPeerCertificate` of Node; undefined when it has shown none, and if first asked for
   * after the connection was closed.
   *
   * @param detailed with `issuerCertificate`
   */
  peerCertificate(detailed = false): PeerCertificate | undefined {
    const { number, ofHttp } = this.place();
    if (number >= 0) this.peers ??= tlsPeerCertificates(number, ofHttp);
    return this.peers && legacyCertificate(this.peers, detailed);
  }
}
