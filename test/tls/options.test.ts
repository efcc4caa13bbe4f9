import tls from 'node:tls';
import { describe, expect, it } from 'vitest';

import { spawn } from 'stackful';
import { connect, listen, secureContext, type TlsConnectOptions, type TlsListenOptions } from 'stackful/tls';

import { tlsCount, tlsMissing } from '../../lib/tls/native.js';
import { Authority, haveOpenssl, ordinary } from './certificates.js';
import { failure, outcomes, pair } from './peers.js';

const code = (of: string) => expect.objectContaining({ code: of }) as Error;

describe('options', () => {
  it.each([
    [{ servernam: 'x' }, 'ERR_UNKNOWN_OPTION'],
    [{ requestCert: true }, 'ERR_UNKNOWN_OPTION'],
    [{ servername: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ servername: 'a\0b' }, 'ERR_INVALID_ARG_VALUE'],
    [{ servername: 'x'.repeat(256) }, 'ERR_INVALID_ARG_VALUE'],
    [{ ALPNProtocols: 'h2' }, 'ERR_INVALID_ARG_TYPE'],
    [{ ALPNProtocols: [''] }, 'ERR_INVALID_ARG_VALUE'],
    [{ ALPNProtocols: ['x'.repeat(256)] }, 'ERR_INVALID_ARG_VALUE'],
    [{ rejectUnauthorized: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ session: 'x' }, 'ERR_INVALID_ARG_TYPE'],
    [{ checkServerIdentity: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ handshakeTimeout: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ secureContext: tls.createSecureContext() }, 'ERR_INVALID_ARG_TYPE'],
    [{ minVersion: 'TLSv9' }, 'ERR_TLS_INVALID_PROTOCOL_VERSION'],
    [{ ciphers: 'no such cipher' }, 'ERR_SSL_NO_CIPHER_MATCH'],
    [{ key: 'x' }, 'ERR_OSSL_UNSUPPORTED'],
    [{ socket: {} }, 'ERR_INVALID_ARG_TYPE'],
  ])('of connect that are wrong: %j', async (options, expected) => {
    const error = await failure(() => connect({ host: '127.0.0.1', port: 1, ...(options as TlsConnectOptions) }));
    expect(error).toMatchObject({ code: expected });
  });

  it.each([
    [{ servername: 'x' }, 'ERR_UNKNOWN_OPTION'],
    [{ requestCert: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ SNICallback: 'x' }, 'ERR_INVALID_ARG_TYPE'],
    [{ ticketKeys: Buffer.alloc(3) }, 'ERR_INVALID_ARG_VALUE'],
    [{ cert: 'x' }, 'ERR_OSSL_PEM_NO_START_LINE'],
  ])('of listen that are wrong: %j', (options, expected) => {
    expect(() => listen({ host: '127.0.0.1', port: 0, ...(options as TlsListenOptions) })).toThrowError(code(expected));
  });

  it('of secureContext', () => {
    expect(() => secureContext(1 as never)).toThrowError(code('ERR_INVALID_ARG_TYPE'));
    expect(() => secureContext({ keys: [] } as never)).toThrowError(code('ERR_UNKNOWN_OPTION'));
    expect(tlsMissing()).toBeUndefined();
  });
});

describe.skipIf(!haveOpenssl)('certificates', () => {
  it('come as PFX, with a passphrase', async () => {
    const { authority, server } = ordinary();
    const pfx = authority.pfx(server, 'secret');
    expect(() => secureContext({ pfx, passphrase: 'wrong' })).toThrow();
    await spawn(() => {
      using both = pair({ key: undefined, cert: undefined, pfx, passphrase: 'secret' });
      expect(both.client.authorized).toBe(true);
    });
  });

  it('of several kinds are chosen by what the client understands', async () => {
    const { authority } = ordinary();
    const [ec, rsa] = [authority.issue('ec'), authority.issue('rsa', {}, 'rsa')];
    const both = { key: [ec.key, rsa.key], cert: [ec.cert, rsa.cert] };
    const shown = (sigalgs: string) => {
      using connection = pair(both, { sigalgs });
      return connection.client.peerCertificate()!.subject.CN;
    };
    await spawn(() => {
      expect(shown('ECDSA+SHA256')).toBe('ec');
      expect(shown('RSA-PSS+SHA256')).toBe('rsa');
    });
  });

  it('of a server that has none: the handshake fails', async () => {
    await spawn(() => {
      const [server] = outcomes({ key: undefined, cert: undefined });
      expect(server).toMatchObject({ code: expect.stringMatching(/^ERR_SSL_NO_(SUITABLE_SIGNATURE_ALGORITHM|SHARED_CIPHER)$/) as string });
    });
  });

  it('are those of Node where no ca is given', async () => {
    await spawn(() => {
      const [, client] = outcomes({}, { ca: undefined });
      expect(client).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    });
  });
});

describe.skipIf(!haveOpenssl)('what is left behind', () => {
  it('is nothing in the queue of errors that node:crypto reads', async () => {
    const strange = new Authority('another authority').issue('localhost');
    await spawn(() => {
      for (let i = 0; i < 5; i++) {
        outcomes(strange);
        outcomes({ ALPNProtocols: ['a'] }, { ALPNProtocols: ['b'] });
      }
      // Errors that it finds in the queue make Node throw.
      expect(() => tls.createSecureContext(ordinary().server)).not.toThrow();
      using both = pair();
      expect(() => secureContext({ key: 'x' })).toThrow();
      both.client.write('x');
      expect(String(both.server.read())).toBe('x');
    });
  });

  it('is no session, however a connection ends', async () => {
    await spawn(() => {
      const context = secureContext(ordinary().server);
      const [before] = tlsCount();
      for (let i = 0; i < 20; i++) {
        using _both = pair({ secureContext: context });
        outcomes({ secureContext: context }, { servername: 'other.example' });
      }
      expect(tlsCount()[0]).toBe(before);
    });
  });
});
