import type * as tls from 'node:tls';
import type { SecureContextOptions } from 'node:tls';

import { invalidType } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import { TlsUnsupportedError } from './errors.js';
import { tlsContext, tlsForgetContext, tlsMissing, tlsStaple } from './native.js';

export type { SecureContextOptions } from 'node:tls';

/** Loaded, with `node:crypto`, when it is needed first: they take 6 ms, which programs without TLS do not spend. */
export function nodeTls(): typeof tls {
  return process.getBuiltinModule('node:tls');
}

export const CONTEXT_OPTIONS = [
  'allowPartialTrustChain', 'ca', 'cert', 'ciphers', 'clientCertEngine', 'crl', 'dhparam', 'ecdhCurve', 'honorCipherOrder', 'key',
  'maxVersion', 'minVersion', 'passphrase', 'pfx', 'privateKeyEngine', 'privateKeyIdentifier', 'secureOptions', 'secureProtocol',
  'sessionIdContext', 'sessionTimeout', 'sigalgs', 'ticketKeys',
] as const;
const KNOWN = new Set<string>(CONTEXT_OPTIONS);

const abandoned = new FinalizationRegistry<number>(tlsForgetContext);

/**
 * Certificates, keys, authorities and what else connections have in common. {@link secureContext} makes one; any number of
 * connections and servers may use it.
 */
export class SecureContext {
  /** @internal */
  readonly number: number;
  private staple: Uint8Array | undefined;

  /** @internal */
  constructor(number: number) {
    this.number = number;
    abandoned.register(this, number);
  }

  /**
   * The response of OCSP that servers staple to the certificate, for clients that ask; DER. It may be set anew at any time, for
   * handshakes from then on. Undefined, as at first: none.
   */
  get ocspResponse(): Uint8Array | undefined {
    return this.staple;
  }
  set ocspResponse(response: Uint8Array | undefined) {
    if (response !== undefined && !(response instanceof Uint8Array)) {
      throw invalidType('ocspResponse', 'an instance of Buffer or Uint8Array', response);
    }
    this.staple = response;
    tlsStaple(this.number, response);
  }
}

/**
 * Reads certificates, keys and settings, for use by many connections. It takes the options of `tls.createSecureContext` of
 * Node, which does the reading: `key`, `cert`, `ca`, `pfx`, `passphrase`, `crl`, `ciphers`, `sigalgs`, `ecdhCurve`, `dhparam`,
 * `minVersion`, `maxVersion`, `ticketKeys`, `sessionTimeout`, ... Without `ca` the authorities are Node's own and those of
 * `NODE_EXTRA_CA_CERTS`. Several certificates (RSA and ECDSA, say) are arrays of `cert` and `key`. Never parks.
 *
 * `honorCipherOrder` is true unless it is given. Processes that share `ticketKeys` (48 random bytes) resume each other's sessions.
 *
 * What `tls.createSecureContext` returns cannot be used instead: it belongs to Node's sockets.
 *
 * @throws Node's errors for certificates and keys that cannot be read (`ERR_OSSL_...`) and for options; TypeError
 *   (`ERR_UNKNOWN_OPTION`); TlsUnsupportedError (`ERR_TLS_UNSUPPORTED`) in a Node without OpenSSL
 *
 * @example
 * ```ts
 * import { secureContext } from 'stackful/tls';
 *
 * try {
 *   secureContext({ key: 'no key', cert: 'no certificate' });
 * } catch (error) {
 *   console.log((error as NodeJS.ErrnoException).code?.startsWith('ERR_OSSL')); // true
 * }
 * ```
 */
export function secureContext(options: SecureContextOptions = {}): SecureContext {
  if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
  knownOptions('secureContext', options, KNOWN);
  const missing = tlsMissing();
  if (missing !== undefined) throw new TlsUnsupportedError(`it does not export ${missing}`);
  const nodes = nodeTls().createSecureContext({
    ...options,
    honorCipherOrder: options.honorCipherOrder ?? true,
    // A server that asks for certificates resumes no sessions without one. It is the same in all workers of a program.
    sessionIdContext: options.sessionIdContext ?? sessionIdContext(),
  });
  const context = nodes.context as { _external?: unknown };
  const number = context._external === undefined ? -1 : tlsContext(context, context._external);
  if (number < 0) throw new TlsUnsupportedError('its secure contexts are not what they were');
  return new SecureContext(number);
}

/** As Node has it for its servers. */
function sessionIdContext(): string {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return createHash('sha256').update(process.argv.join(' ')).digest('hex').slice(0, 32);
}
