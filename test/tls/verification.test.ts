// Certificates that must not be trusted, with the codes of node:tls for the same ones.
import { once } from 'node:events';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';

import { spawn, wait } from 'stackful';
import { secureContext, type TlsClientOptions, type TlsListenOptions } from 'stackful/tls';

import { Authority, haveOpenssl, ordinary, type Credentials } from './certificates.js';
import { nodeServer, outcomes, pair } from './peers.js';

/** The code with which node:tls refuses the server, or undefined. */
function nodesCode(ofServer: tls.TlsOptions, ofClient: tls.ConnectionOptions): string | undefined {
  using server = nodeServer((socket) => socket.end(), ofServer);
  const options = { port: server.port, host: '127.0.0.1', ca: ordinary().authority.cert, servername: 'localhost', ...ofClient };
  // Node 26 refuses addresses there, and compares the host where there is no name.
  const socket = tls.connect(isIP(options.servername) === 0 ? options : { ...options, servername: '' });
  return wait(
    Promise.race([
      once(socket, 'secureConnect').then(() => undefined),
      new Promise<string>((resolve) => socket.on('error', (error: NodeJS.ErrnoException) => { resolve(error.code!); })),
    ]).finally(() => socket.destroy()),
  );
}

describe.skipIf(!haveOpenssl)('a server is refused', () => {
  let authority: Authority;
  let intermediate: Authority;
  let ownServer: Credentials;
  const cases: Record<string, { code: string; server: () => Partial<TlsListenOptions>; client?: () => TlsClientOptions }> = {
    'whose certificate has expired': {
      code: 'CERT_HAS_EXPIRED',
      server: () => authority.issue('localhost', { from: '20200101000000Z', to: '20200201000000Z' }),
    },
    'whose certificate is not valid yet': {
      code: 'CERT_NOT_YET_VALID',
      server: () => authority.issue('localhost', { from: '20480101000000Z', to: '20490101000000Z' }),
    },
    'that is another host': {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      server: () => authority.issue('other', { names: 'DNS:other.example' }),
    },
    'whose certificate has another address': {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      server: () => authority.issue('other', { names: 'IP:127.0.0.2' }),
      client: () => ({ servername: '127.0.0.1' }),
    },
    'that signed for itself': {
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      server: () => authority.selfSigned('localhost'),
    },
    'whose authority is unknown': {
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      server: () => new Authority('another authority').issue('localhost'),
    },
    'whose authority is unknown and was sent along': {
      code: 'SELF_SIGNED_CERT_IN_CHAIN',
      server: () => {
        const another = new Authority('another authority');
        const { key, cert } = another.issue('localhost');
        return { key, cert: cert + another.cert };
      },
    },
    'that leaves out the intermediate authority': {
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      server: () => intermediate.issue('localhost'),
    },
    'whose certificate is for clients': {
      code: 'INVALID_PURPOSE',
      server: () => authority.issue('localhost', { usage: 'clientAuth' }),
    },
    'whose certificate was revoked': {
      code: 'CERT_REVOKED',
      server: () => ownServer,
      client: () => ({ crl: authority.revoke(ownServer) }),
    },
    'when there is no list of revoked ones by its authority': {
      code: 'UNABLE_TO_GET_CRL',
      server: () => intermediateChain(),
      client: () => ({ crl: authority.revoke(authority.issue('whoever')) }),
    },
  };

  function intermediateChain(): Credentials {
    const { key, cert } = intermediate.issue('localhost');
    return { key, cert: cert + intermediate.cert };
  }

  beforeAll(() => {
    ({ authority } = ordinary());
    intermediate = new Authority('an intermediate one', authority);
    ownServer = authority.issue('localhost');
  });

  it.each(Object.entries(cases))('%s', async (_, { code, server, client = () => ({}) }) => {
    await spawn(() => {
      const ofServer = server();
      const ofClient = client();
      const [onServer, onClient] = outcomes(ofServer, { servername: 'localhost', ...ofClient });
      expect(onClient).toMatchObject({ code });
      // Whose it is is looked at behind the handshake.
      if (code !== 'ERR_TLS_CERT_ALTNAME_INVALID') expect(onServer).toBeDefined();
      expect(nodesCode(ofServer as tls.TlsOptions, ofClient as tls.ConnectionOptions)).toBe(code);
    });
  });

  it.each(Object.entries(cases))('%s; with rejectUnauthorized: false it is not, and authorizationError tells', async (_, given) => {
    await spawn(() => {
      const ofClient = { servername: 'localhost', ...given.client?.(), rejectUnauthorized: false };
      using both = pair(given.server(), ofClient);
      expect(both.client).toMatchObject({ authorized: false, authorizationError: given.code });
      both.client.write('x');
      expect(String(both.server.read())).toBe('x');
    });
  });

  it('and is trusted with all of its chain, in whatever order', async () => {
    await spawn(() => {
      const second = new Authority('a second intermediate one', intermediate);
      const { key, cert } = second.issue('localhost');
      for (const chain of [[cert, second.cert, intermediate.cert], [cert, intermediate.cert, second.cert]]) {
        using both = pair({ key, cert: chain.join('') }, { servername: 'localhost' });
        expect(both.client.authorized).toBe(true);
        const issuers: string[] = [];
        for (let at = both.client.peerCertificate(true) as any; at && issuers.length < 9; at = at.issuerCertificate) {
          issuers.push(at.subject.CN as string);
          if (at.issuerCertificate === at) break;
        }
        expect(issuers).toEqual(['localhost', 'a second intermediate one', 'an intermediate one', 'a test authority']);
      }
    });
  });

  it('by checkServerIdentity, which sees name and certificate', async () => {
    await spawn(() => {
      const seen: unknown[] = [];
      const checkServerIdentity = (name: string, { subject }: tls.PeerCertificate) => {
        seen.push(name, subject.CN);
        return Object.assign(new Error('not this one'), { code: 'ERR_MINE' });
      };
      const [, onClient] = outcomes({}, { servername: 'localhost', checkServerIdentity });
      expect(onClient).toMatchObject({ code: 'ERR_MINE' });
      expect(seen).toEqual(['localhost', 'localhost']);
      using both = pair({}, { checkServerIdentity, rejectUnauthorized: false });
      expect(both.client.authorizationError).toBe('ERR_MINE');
    });
  });

  it('also when a session of another host is resumed', async () => {
    await spawn(() => {
      const context = secureContext(authority.issue('other', { names: 'DNS:other.example' }));
      const resumed = { servername: 'other.example', maxVersion: 'TLSv1.2' } as const;
      using first = pair({ secureContext: context }, resumed);
      const session = first.client.getSession()!;
      using second = pair({ secureContext: context }, { ...resumed, session });
      expect(second.client.isSessionReused).toBe(true);
      const [, onClient] = outcomes({ secureContext: context }, { ...resumed, session, servername: 'localhost' });
      expect(onClient).toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    });
  });
});

describe.skipIf(!haveOpenssl)('a client', () => {
  const asking = () => ({ requestCert: true, ca: ordinary().authority.cert });

  it('is known by its certificate', async () => {
    await spawn(() => {
      using both = pair(asking(), ordinary().authority.issue('a client', { usage: 'clientAuth' }));
      expect(both.server).toMatchObject({ authorized: true, authorizationError: undefined });
      expect(both.server.peerCertificate()?.subject.CN).toBe('a client');
    });
  });

  it('is refused without one, or with one that is not trusted', async () => {
    await spawn(() => {
      const [noneOnServer, noneOnClient] = outcomes(asking());
      expect(noneOnServer).toMatchObject({ code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' });
      expect(noneOnClient.code).toMatch(/^ERR_SSL_.*CERTIFICATE_REQUIRED$/);
      const [onServer] = outcomes(asking(), new Authority('another authority').issue('a client'));
      expect(onServer).toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
    });
  });

  it('is let in with rejectUnauthorized: false, and told apart', async () => {
    await spawn(() => {
      using none = pair({ ...asking(), rejectUnauthorized: false });
      expect(none.server).toMatchObject({ authorized: false, authorizationError: 'UNSPECIFIED' });
      expect(none.server.peerCertificate()).toBeUndefined();
      using strange = pair({ ...asking(), rejectUnauthorized: false }, new Authority('another authority').issue('a client'));
      expect(strange.server).toMatchObject({ authorized: false, authorizationError: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
      using unasked = pair();
      expect(unasked.server).toMatchObject({ authorized: false, authorizationError: undefined });
    });
  });
});
