/// <reference types="node" preserve="true" />
/**
 * TLS over the sockets of `stackful/net`, with the OpenSSL of Node: clients, servers, certificates.
 *
 * @module stackful/tls
 */

export { connect, type TlsConnectOptions } from './tls/connect.js';
export { listen, TlsListener, type TlsListenOptions } from './tls/listener.js';
export { secureContext, SecureContext, type SecureContextOptions } from './tls/context.js';
export { TlsInfo } from './tls/info.js';
export { TlsSocket } from './tls/socket.js';
export type { SNICallback, TlsClientOptions, TlsServerOptions } from './tls/terms.js';
export {
  CertificateError,
  TlsContextError,
  TlsError,
  TlsHandshakeTimeoutError,
  TlsTruncatedError,
  TlsUnsupportedError,
} from './tls/errors.js';
