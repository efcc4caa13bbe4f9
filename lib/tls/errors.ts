import { StackfulError } from '../internal/errors.js';

/**
 * OpenSSL has failed, or the peer broke the protocol or refused the connection by an alert. `code` is Node's: `ERR_SSL_` and
 * the reason, such as `ERR_SSL_WRONG_VERSION_NUMBER`.
 */
export class TlsError extends StackfulError {
  readonly code: string;
  /** The part of OpenSSL that tells, such as `SSL routines`. */
  readonly library: string | undefined;
  /** In OpenSSL's words. */
  readonly reason: string | undefined;
  constructor(operation: string, library: string | undefined, reason: string | undefined) {
    super(`${operation}: ${reason ?? 'TLS has failed'}`);
    this.library = library;
    this.reason = reason;
    this.code = reason === undefined ? 'ERR_SSL' : `ERR_SSL_${reason.toUpperCase().replaceAll(' ', '_')}`;
  }
}

/**
 * The stream ended without the announcement that TLS has for it (close_notify): the peer has broken off, or what it sent
 * was cut off on its way.
 */
export class TlsTruncatedError extends StackfulError {
  readonly code = 'ERR_TLS_TRUNCATED';
  constructor(operation: string) {
    super(`${operation}: the stream was cut off; the peer has not ended it`);
  }
}

/** The peer's certificate is not trusted; `code` says why, as Node does: `CERT_HAS_EXPIRED`, `DEPTH_ZERO_SELF_SIGNED_CERT`, ... */
export class CertificateError extends StackfulError {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The handshake has taken longer than `handshakeTimeout`. */
export class TlsHandshakeTimeoutError extends StackfulError {
  readonly code = 'ERR_TLS_HANDSHAKE_TIMEOUT';
  constructor(operation: string) {
    super(`${operation}: the TLS handshake took too long`);
  }
}

/** An `SNICallback` has given something that {@link secureContext} has not made. */
export class TlsContextError extends StackfulError {
  readonly code = 'ERR_TLS_INVALID_CONTEXT';
  constructor() {
    super('SNICallback has to give what secureContext of stackful/tls returns, or nothing');
  }
}

/** This Node lacks what TLS needs of it. */
export class TlsUnsupportedError extends StackfulError {
  readonly code = 'ERR_TLS_UNSUPPORTED';
  constructor(what: string) {
    super(`TLS does not work in this Node (${process.version}): ${what}`);
  }
}
