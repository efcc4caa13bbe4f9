import type { PeerCertificate, SecureContextOptions } from 'node:tls';

import { booleanOf, functionOf, INT_MAX, invalidType, invalidValue, numberIn } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { CONTEXT_OPTIONS, SecureContext, secureContext } from './context.js';

/** What a client and a server may be told, besides the options of {@link secureContext}. */
interface CommonOptions extends SecureContextOptions {
  /** Made by {@link secureContext}, instead of the options of that. */
  secureContext?: SecureContext;
  /**
   * The protocols that this side speaks, the one it likes best first, such as `['h2', 'http/1.1']`. Where a client and a server
   * have none in common, the handshake fails.
   */
  ALPNProtocols?: readonly string[];
  /** The most milliseconds that a handshake may take. Default 120,000. */
  handshakeTimeout?: number;
}

/** How a client speaks TLS: names and defaults as in `tls.connect` of Node. */
export interface TlsClientOptions extends CommonOptions {
  /**
   * The name of the server: it is asked for (SNI), and has to be in the certificate. Default: the host. An address is checked
   * and not asked for; '' asks for none.
   */
  servername?: string;
  /** False accepts every certificate; `authorized` tells then. Default true. */
  rejectUnauthorized?: boolean;
  /** Asks the server to staple a response of OCSP to its certificate: `socket.tls.ocspResponse`. Default false. */
  requestOCSP?: boolean;
  /** A session from an earlier connection (`getSession`), to be resumed. */
  session?: Uint8Array;
  /** Whether a certificate is the server's: an error, or undefined. Default: `tls.checkServerIdentity` of Node. */
  checkServerIdentity?: (servername: string, certificate: PeerCertificate) => Error | undefined;
}

/** Gives the context for a server name; it may park, or call back as Node's does. */
export type SNICallback = (
  servername: string,
  callback: (error: Error | null, context?: SecureContext) => void,
) => SecureContext | undefined | void;

/** How a server speaks TLS: names and defaults as in `tls.createServer` of Node. */
export interface TlsServerOptions extends CommonOptions {
  /** Whether clients are asked for a certificate. Default false. */
  requestCert?: boolean;
  /** With `requestCert`: whether clients without one that is trusted are refused. Default true. */
  rejectUnauthorized?: boolean;
  /**
   * Called in the handshake with the name that a client asks for; returns the context to use, or nothing for the server's own.
   * It may park: only this connection waits.
   */
  SNICallback?: SNICallback;
}

/** What was given, checked. */
export interface Terms {
  readonly context: SecureContext;
  /** As it goes over the wire, with lengths. */
  readonly protocols: Uint8Array | undefined;
  /** In milliseconds. */
  readonly handshakeTimeout: number;
  readonly requestCert: boolean;
  readonly refuse: boolean;
}

export interface ServerTerms extends Terms {
  readonly server: true;
  readonly sniCallback: SNICallback | undefined;
}

export interface ClientTerms extends Terms {
  readonly server: false;
  /** To ask for; undefined: none. */
  readonly servername: string | undefined;
  /** To look for in the certificate. */
  readonly identity: string;
  readonly session: Uint8Array | undefined;
  readonly requestOCSP: boolean;
  readonly checkServerIdentity: TlsClientOptions['checkServerIdentity'];
}

const COMMON = ['secureContext', 'ALPNProtocols', 'handshakeTimeout', 'rejectUnauthorized', ...CONTEXT_OPTIONS];
export const CLIENT_OPTIONS: ReadonlySet<string> = new Set([...COMMON, 'servername', 'session', 'checkServerIdentity', 'requestOCSP']);
export const SERVER_OPTIONS: ReadonlySet<string> = new Set([...COMMON, 'requestCert', 'SNICallback']);

const HANDSHAKE_MS = 120_000;
/** In bytes; the wire has room for no longer one. */
const LONGEST_NAME = 255;

/** `defaults`: of options that are absent or undefined. @throws TypeError, RangeError, and what {@link secureContext} throws */
export function serverTerms(
  operation: string,
  options: TlsServerOptions,
  defaults: Pick<TlsServerOptions, 'ALPNProtocols' | 'handshakeTimeout'> = {},
): ServerTerms {
  check(operation, options, SERVER_OPTIONS);
  const { requestCert = false, rejectUnauthorized = true, SNICallback: sniCallback } = options;
  booleanOf('options.requestCert', requestCert);
  booleanOf('options.rejectUnauthorized', rejectUnauthorized);
  if (sniCallback !== undefined) functionOf('options.SNICallback', sniCallback);
  return { server: true, ...commonTerms(options, defaults), requestCert, refuse: rejectUnauthorized, sniCallback };
}

/** `host` is the one to connect to. Throws as {@link serverTerms}. */
export function clientTerms(operation: string, options: TlsClientOptions, host: string | undefined, isIP: boolean): ClientTerms {
  check(operation, options, CLIENT_OPTIONS);
  const { rejectUnauthorized = !allowsUnauthorized(), session, checkServerIdentity, requestOCSP = false } = options;
  const servername = options.servername ?? host ?? 'localhost';
  if (typeof servername !== 'string') throw invalidType('options.servername', 'a string', servername);
  if (servername.includes('\0') || Buffer.byteLength(servername) > LONGEST_NAME) {
    throw invalidValue('options.servername', 'a name of 255 bytes at most, without null bytes', servername);
  }
  booleanOf('options.rejectUnauthorized', rejectUnauthorized);
  booleanOf('options.requestOCSP', requestOCSP);
  if (session !== undefined && !(session instanceof Uint8Array)) {
    throw invalidType('options.session', 'an instance of Buffer or Uint8Array', session);
  }
  if (checkServerIdentity !== undefined) functionOf('options.checkServerIdentity', checkServerIdentity);
  return {
    server: false,
    ...commonTerms(options, {}),
    requestCert: true,
    refuse: rejectUnauthorized,
    servername: isIP || servername === '' ? undefined : servername,
    identity: servername || (host ?? 'localhost'),
    session,
    requestOCSP,
    checkServerIdentity,
  };
}

/** The options of TLS among `options`, and the others. */
export function split<T extends object>(options: T, known: ReadonlySet<string>): [tls: Partial<T>, others: Partial<T>] {
  const entries = Object.entries(options);
  const part = (own: boolean) => Object.fromEntries(entries.filter(([name]) => known.has(name) === own)) as Partial<T>;
  return [part(true), part(false)];
}

function check(operation: string, options: object, known: ReadonlySet<string>): void {
  if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
  knownOptions(operation, options, known);
}

function commonTerms(options: CommonOptions, defaults: CommonOptions): Pick<Terms, 'context' | 'protocols' | 'handshakeTimeout'> {
  const { ALPNProtocols = defaults.ALPNProtocols, handshakeTimeout = defaults.handshakeTimeout ?? HANDSHAKE_MS } = options;
  numberIn('options.handshakeTimeout', handshakeTimeout, 1, INT_MAX);
  const protocols = ALPNProtocols && wireForm(ALPNProtocols);
  return { context: contextOf(options), protocols, handshakeTimeout };
}

function contextOf(options: CommonOptions): SecureContext {
  const { secureContext: given } = options;
  if (given === undefined) {
    return secureContext(Object.fromEntries(CONTEXT_OPTIONS.map((name) => [name, (options as Record<string, unknown>)[name]])));
  }
  if (!(given instanceof SecureContext)) {
    throw invalidType('options.secureContext', 'what secureContext of stackful/tls returns', given);
  }
  return given;
}

function wireForm(protocols: readonly string[]): Uint8Array | undefined {
  if (!Array.isArray(protocols)) throw invalidType('options.ALPNProtocols', 'an array of strings', protocols);
  const parts = (protocols as readonly string[]).map((protocol) => {
    const bytes = Buffer.from(protocol, 'latin1');
    if (bytes.length === 0 || bytes.length > 255) {
      throw invalidValue('options.ALPNProtocols', 'of names of 1 to 255 bytes', protocol);
    }
    return Buffer.concat([Buffer.of(bytes.length), bytes]);
  });
  return parts.length === 0 ? undefined : Buffer.concat(parts);
}

let warned = false;

function allowsUnauthorized(): boolean {
  if (process.env.NODE_TLS_REJECT_UNAUTHORIZED !== '0') return false;
  if (!warned) process.emitWarning("NODE_TLS_REJECT_UNAUTHORIZED is '0': certificates of servers are not verified");
  return (warned = true);
}
