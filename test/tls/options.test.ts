import { BlockList } from 'node:net';
import tls from 'node:tls';
import { describe, expect, it } from 'vitest';

import { spawn, timeout } from 'stackful';
import { connect as connectPlain, listen as listenPlain } from 'stackful/net';
import { connect, listen, secureContext, SecureContext, type TlsConnectOptions, type TlsListenOptions } from 'stackful/tls';

import { tlsCount, tlsMissing } from '../../lib/tls/native.js';
import { pair as plainPair } from '../net/peers.js';
import { Authority, haveOpenssl, ordinary } from './certificates.js';
import { failure, outcomes, pair } from './peers.js';

/** Two connected sockets without TLS. */
function pairPlain() {
  const both = plainPair();
  return { ...both, [Symbol.dispose]: both.close };
}

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
    [{ tls: true }, 'ERR_UNKNOWN_OPTION'],
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
    [{ tls: {} }, 'ERR_UNKNOWN_OPTION'],
  ])('of listen that are wrong: %j', (options, expected) => {
    expect(() => listen({ host: '127.0.0.1', port: 0, ...(options as TlsListenOptions) })).toThrowError(code(expected));
  });

  it('of secureContext', () => {
    expect(() => secureContext(1 as never)).toThrowError(code('ERR_INVALID_ARG_TYPE'));
    expect(() => secureContext({ keys: [] } as never)).toThrowError(code('ERR_UNKNOWN_OPTION'));
    expect(tlsMissing()).toBeUndefined();
  });
});

describe.skipIf(!haveOpenssl)('an option', () => {
  it('of a new connection does not go with one that is there already', async () => {
    await spawn(() => {
      using plain = pairPlain();
      for (const options of [{ port: 1 }, { path: '/x' }, { noDelay: true }, { nonsense: 1 }]) {
        const error = failure(() => connect({ socket: plain.client, ...options })).join();
        expect(error).toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
      }
      expect(plain.client.closed).toBe(false);
    });
  });

  it('that is undefined has its default: the server chooses the cipher', async () => {
    await spawn(() => {
      const strong = 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384';
      const fast = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256';
      const ofServer = { maxVersion: 'TLSv1.2', ciphers: `${strong}:${fast}` } as const;
      for (const options of [ofServer, { ...ofServer, honorCipherOrder: undefined }]) {
        using both = pair(options, { ciphers: `${fast}:${strong}` });
        expect(both.client.cipher!.name).toContain('AES256');
      }
      using other = pair({ ...ofServer, honorCipherOrder: false }, { ciphers: `${fast}:${strong}` });
      expect(other.client.cipher!.name).toContain('AES128');
    });
  });

  it('allowHalfOpen: false ends the stream with the peer\'s, on both sides', async () => {
    await spawn(() => {
      using server = pair({ allowHalfOpen: false });
      server.client.end();
      expect(server.server.read()).toBeNull();
      expect(timeout(5000, () => server.client.read())).toBeNull();
      using client = pair({}, { allowHalfOpen: false });
      client.server.end();
      expect(client.client.read()).toBeNull();
      expect(timeout(5000, () => client.server.read())).toBeNull();
    });
  });

  it('blockList keeps addresses from TLS; a list that throws keeps no connection', async () => {
    await spawn(() => {
      const blockList = new BlockList();
      blockList.addAddress('127.0.0.3');
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server, blockList });
      const [before] = tlsCount();
      using blocked = connectPlain({ host: '127.0.0.1', port: listener.address.port, localAddress: '127.0.0.3' });
      const accepting = spawn(() => listener.accept());
      expect(blocked.read()).toBeNull();
      expect(tlsCount()[0]).toBe(before);
      accepting.cancel();
      expect(failure(() => accepting.join()).join()).toMatchObject({ code: 'ERR_CANCELLED' });
      const check = () => { throw new Error('of its own'); };
      using strange = listen({ host: '127.0.0.1', port: 0, ...ordinary().server, blockList: { check } });
      using client = connectPlain({ host: '127.0.0.1', port: strange.address.port });
      expect(failure(() => strange.accept()).join()).toMatchObject({ message: 'of its own' });
      expect(timeout(5000, () => client.read())).toBeNull();
    });
  });

  it('with which TLS cannot begin leaves no connection open', async () => {
    await spawn(() => {
      // As of a context that was made elsewhere.
      const context = Object.create(SecureContext.prototype, { number: { value: 12_345 } }) as SecureContext;
      using peer = listenPlain({ host: '127.0.0.1', port: 0 });
      const error = failure(() => connect({ host: '127.0.0.1', port: peer.address.port, secureContext: context })).join();
      expect(error).toMatchObject({ code: 'EBADF' });
      using accepted = peer.accept();
      expect(timeout(5000, () => accepted.read())).toBeNull();
    });
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
        // The handshake succeeds, though what it has verified did not.
        pair(strange, { rejectUnauthorized: false, ca: ordinary().authority.cert })[Symbol.dispose]();
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
