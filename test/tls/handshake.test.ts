import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { describe, expect, it } from 'vitest';

import { dump, sleep, spawn, timeout, wait } from 'stackful';
import { connect as connectPlain, listen as listenPlain } from 'stackful/net';
import { connect, listen, secureContext, TlsSocket, type SecureContext, type TlsServerOptions } from 'stackful/tls';

import { haveOpenssl, ordinary } from './certificates.js';
import { failure, nodeClient, nodeServer, outcomes, pair, received } from './peers.js';

describe.skipIf(!haveOpenssl)('a handshake', () => {
  it('agrees on a protocol (ALPN), by the preference of the server', async () => {
    await spawn(() => {
      using both = pair({ ALPNProtocols: ['b', 'a'] }, { ALPNProtocols: ['a', 'b', 'c'] });
      expect([both.client.alpnProtocol, both.server.alpnProtocol]).toEqual(['b', 'b']);
      using none = pair({ ALPNProtocols: ['a'] });
      expect([none.client.alpnProtocol, none.server.alpnProtocol]).toEqual([false, false]);
      using deaf = pair({}, { ALPNProtocols: ['a'] });
      expect(deaf.client.alpnProtocol).toBe(false);
    });
  });

  it('fails when there is no protocol in common', async () => {
    await spawn(() => {
      const [server, client] = outcomes({ ALPNProtocols: ['a'] }, { ALPNProtocols: ['b'] });
      expect(server).toMatchObject({ name: 'TlsError', code: 'ERR_SSL_NO_APPLICATION_PROTOCOL' });
      expect(client.code).toMatch(/^ERR_SSL_.*NO_APPLICATION_PROTOCOL$/);
    });
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s where one side wants no other', async (version) => {
    await spawn(() => {
      using both = pair({ minVersion: version, maxVersion: version });
      expect(both.client.protocol).toBe(version);
      expect(both.server.protocol).toBe(version);
      expect(both.client.cipher?.name).toBe(both.server.cipher?.name);
      using other = pair({}, { minVersion: version, maxVersion: version });
      expect(other.server.protocol).toBe(version);
    });
  });

  it('fails when there is no version, or no cipher, in common', async () => {
    await spawn(() => {
      const versions = outcomes({ minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' });
      expect(versions[0]).toMatchObject({ code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' });
      expect(versions[1].code).toMatch(/^ERR_SSL_.*PROTOCOL_VERSION$/);
      const of = (ciphers: string) => ({ ciphers, maxVersion: 'TLSv1.2' as const });
      const ciphers = outcomes(of('ECDHE-ECDSA-AES128-GCM-SHA256'), of('ECDHE-ECDSA-AES256-GCM-SHA384'));
      expect(ciphers[0]).toMatchObject({ code: 'ERR_SSL_NO_SHARED_CIPHER' });
      expect(ciphers[1].code).toMatch(/^ERR_SSL_.*HANDSHAKE_FAILURE$/);
    });
  });

  it('offers no version before TLS 1.2', async () => {
    await spawn(() => {
      const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const;
      const [server] = outcomes({}, { ...old, ciphers: 'DEFAULT@SECLEVEL=0' });
      expect(server).toMatchObject({ code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' });
    });
  });

  it('is not done with who speaks something else', async () => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server });
      const accepting = failure(() => listener.accept().read());
      using plain = connectPlain({ host: '127.0.0.1', port: listener.address.port });
      plain.write('GET / HTTP/1.1\r\n\r\n');
      expect(accepting.join()).toMatchObject({ code: 'ERR_SSL_HTTP_REQUEST', reason: 'http request', library: 'SSL routines' });
      using other = listenPlain({ host: '127.0.0.1', port: 0 });
      spawn(() => {
        using socket = other.accept();
        socket.write('220 hello\r\n');
      });
      const connecting = failure(() => connect({ host: '127.0.0.1', port: other.address.port }));
      expect(connecting.join()).toMatchObject({ code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    });
  });

  it('is over when the peer leaves', async () => {
    await spawn(() => {
      using other = listenPlain({ host: '127.0.0.1', port: 0 });
      spawn(() => { other.accept().close(); });
      const connecting = failure(() => connect({ host: '127.0.0.1', port: other.address.port }));
      expect(connecting.join()).toMatchObject({ code: 'ECONNRESET' });
    });
  });

  it('is not done with a peer that ends it in good order', async () => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server });
      using plain = connectPlain({ host: '127.0.0.1', port: listener.address.port });
      plain.write(Buffer.from('15030100020100', 'hex')); // close_notify
      using accepted = listener.accept();
      for (let i = 0; i < 2; i++) expect(failure(() => accepted.read()).join().code).toMatch(/^ERR_SSL_UNEXPECTED_MESSAGE|ECONNRESET$/);
      expect(accepted.tls).toBeUndefined();
    });
  });

  it('takes handshakeTimeout at most, and shows where it waits', async () => {
    await spawn(() => {
      using silent = listenPlain({ host: '127.0.0.1', port: 0 });
      const to = { host: '127.0.0.1', port: silent.address.port };
      const connecting = failure(() => connect({ ...to, handshakeTimeout: 50 }));
      while (!connecting.parkedOn?.startsWith('tls.handshake')) sleep(1);
      expect(connecting.parkedOn).toMatch(new RegExp(`^tls\\.handshake fd=\\d+ 127\\.0\\.0\\.1:${String(to.port)}$`));
      expect(dump()).toContain('tls.handshake');
      expect(connecting.join()).toMatchObject({ name: 'TlsHandshakeTimeoutError', code: 'ERR_TLS_HANDSHAKE_TIMEOUT' });
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server, handshakeTimeout: 20 });
      using _silent = connectPlain({ host: '127.0.0.1', port: listener.address.port });
      expect(failure(() => listener.accept().read()).join()).toMatchObject({ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' });
    });
  });

  it('ends early by timeout, cancellation and signal', async () => {
    await spawn(() => {
      using silent = listenPlain({ host: '127.0.0.1', port: 0 });
      const to = { host: '127.0.0.1', port: silent.address.port };
      expect(failure(() => timeout(10, () => connect(to))).join()).toMatchObject({ code: 'ERR_TIMEOUT' });
      const cancelled = failure(() => connect(to));
      sleep(5);
      cancelled.cancel();
      expect(cancelled.join()).toMatchObject({ code: 'ERR_CANCELLED' });
      const reason = new Error('no longer');
      const controller = new AbortController();
      const aborted = failure(() => connect({ ...to, signal: controller.signal }));
      sleep(5);
      controller.abort(reason);
      expect(aborted.join()).toBe(reason);
    });
  });

  it('of an accepted socket goes on after an early end', async () => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server });
      const connection = net.connect(listener.address.port, '127.0.0.1');
      using accepted = listener.accept();
      expect(failure(() => timeout(5, () => accepted.read())).join()).toMatchObject({ code: 'ERR_TIMEOUT' });
      expect(accepted.tls).toBeUndefined();
      const client = tls.connect({ socket: connection, servername: 'localhost', ca: ordinary().authority.cert });
      client.write('hello');
      expect(String(accepted.read())).toBe('hello');
      client.destroy();
    });
  });

  it('is done once when two coroutines begin it', async () => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server });
      const client = spawn(() => connect({ host: '127.0.0.1', port: listener.address.port, ca: ordinary().authority.cert }));
      using accepted = listener.accept();
      const reading = spawn(() => String(accepted.read()));
      const writing = spawn(() => { accepted.write('to you'); });
      using connected = client.join();
      connected.write('to me');
      expect(String(connected.read())).toBe('to you');
      writing.join();
      expect(reading.join()).toBe('to me');
    });
  });

  it('outside a coroutine is refused', async () => {
    expect(() => connect({ host: '127.0.0.1', port: 1 })).toThrowError(expect.objectContaining({ code: 'ERR_NOT_IN_COROUTINE' }));
    await spawn(() => undefined);
  });

  it('may come behind plain bytes (STARTTLS)', async () => {
    await spawn(() => {
      using listener = listenPlain({ host: '127.0.0.1', port: 0 });
      const server = net.createServer();
      const accepting = spawn(() => {
        const plain = listener.accept();
        expect(plain.readLine()).toBe('STARTTLS');
        plain.write('OK\n');
        return plain;
      });
      using client = connectPlain({ host: '127.0.0.1', port: listener.address.port });
      client.write('STARTTLS\n');
      expect(client.readLine()).toBe('OK');
      const plain = accepting.join();
      // The other end of it is node's, over a pair of streams.
      const handle = spawn(() => {
        using secure = connect({ socket: client, servername: 'localhost', ca: ordinary().authority.cert });
        secure.write('hello');
        return String(secure.read());
      });
      expect(client.closed).toBe(false);
      using relay = connectPlainToNode(plain);
      expect(handle.join()).toBe('hello, too');
      expect(client.closed).toBe(true);
      server.close();
      relay.done();
    });

    /** Passes what comes on `plain` to a server of node:tls, and back. */
    function connectPlainToNode(plain: ReturnType<typeof connectPlain>) {
      const server = nodeServer((socket) => {
        socket.on('data', (data) => socket.end(`${String(data)}, too`));
      });
      const onward = connectPlain({ host: '127.0.0.1', port: server.port });
      const ways = [[plain, onward], [onward, plain]].map(([from, to]) => failure(() => {
        for (const chunk of from!) to!.write(chunk);
      }));
      return {
        done: () => { for (const way of ways) way.cancel(); },
        [Symbol.dispose]() {
          plain.close();
          onward.close();
          server[Symbol.dispose]();
        },
      };
    }
  });
});

describe.skipIf(!haveOpenssl)('SNICallback', () => {
  const named = (name: string) => secureContext(ordinary().authority.issue(name, { names: `DNS:${name}` }));
  const asked = (SNICallback: TlsServerOptions['SNICallback'], servername = 'a.example') => {
    using both = pair({ SNICallback }, { servername });
    return both.client.peerCertificate()!.subject.CN;
  };

  it('chooses the context, and may park', async () => {
    await spawn(() => {
      const contexts = new Map<string, SecureContext>(['a.example', 'b.example'].map((name) => [name, named(name)]));
      const choose = (name: string) => (sleep(2), contexts.get(name));
      expect(asked(choose)).toBe('a.example');
      expect(asked(choose, 'b.example')).toBe('b.example');
      expect(asked(choose, 'localhost')).toBe('localhost');
      using both = pair({ SNICallback: choose }, { servername: 'b.example' });
      expect([both.server.servername, both.client.servername]).toEqual(['b.example', 'b.example']);
    });
  });

  it('may call back as Node has it, or return a promise', async () => {
    await spawn(() => {
      const context = named('a.example');
      expect(asked((_, callback) => { setTimeout(callback, 2, null, context); })).toBe('a.example');
      expect(asked((() => Promise.resolve(context)) as never)).toBe('a.example');
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      expect(asked((async (_: string, callback: (error: Error | null, context: SecureContext) => void) => {
        await turn();
        callback(null, context);
      }) as never)).toBe('a.example');
    });
  });

  it('is not called for a client that names no server', async () => {
    await spawn(() => {
      const names: string[] = [];
      using both = pair({ SNICallback: (name) => { names.push(name); } }, { servername: '127.0.0.1' });
      expect(names).toEqual([]);
      expect(both.server.servername).toBe(false);
    });
  });

  it('ends the handshake by what it throws, and is given no context of another kind', async () => {
    await spawn(() => {
      const mine = new Error('mine');
      const outcome = (callback: unknown) => outcomes({ SNICallback: callback as never }, { servername: 'localhost' })[0];
      expect(outcome(() => { throw mine; })).toBe(mine);
      expect(outcome((_: string, done: (error: Error) => void) => { done(mine); })).toBe(mine);
      expect(outcome(() => tls.createSecureContext())).toMatchObject({ code: 'ERR_TLS_INVALID_CONTEXT' });
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server, handshakeTimeout: 20, SNICallback: () => { sleep(1e6); } });
      failure(() => connect({ host: '127.0.0.1', port: listener.address.port, servername: 'x' }));
      expect(failure(() => listener.accept().read()).join()).toMatchObject({ code: 'ERR_TLS_HANDSHAKE_TIMEOUT' });
    });
  });
});

describe.skipIf(!haveOpenssl)('a session', () => {
  const say = (socket: TlsSocket, text: string) => {
    socket.write(text);
    socket.end();
    socket.read();
    socket.close();
  };
  const ticketKeys = Buffer.alloc(48, 7);

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('of %s is resumed, also by another context with the same ticketKeys', async (maxVersion) => {
    await spawn(() => {
      const session = (context: SecureContext, resumed?: Buffer) => {
        using both = pair({ secureContext: context }, { maxVersion, ...(resumed && { session: resumed }) });
        // TLS 1.3 sends it behind the handshake.
        both.server.write('x');
        both.client.read();
        return { resumed: [both.client.isSessionReused, both.server.isSessionReused], next: both.client.getSession()! };
      };
      const [one, same, other] = [{ ticketKeys }, { ticketKeys }, {}].map((keys) => secureContext({ ...ordinary().server, ...keys }));
      const first = session(one!);
      expect(first.resumed).toEqual([false, false]);
      expect(session(one!, first.next).resumed).toEqual([true, true]);
      expect(session(same!, first.next).resumed).toEqual([true, true]);
      expect(session(other!, first.next).resumed).toEqual([false, false]);
      expect(session(one!, Buffer.from('no session')).resumed).toEqual([false, false]);
    });
  });

  it('of a server that asks for certificates is resumed, with the certificate', async () => {
    await spawn(() => {
      const context = secureContext({ ...ordinary().server, ca: ordinary().authority.cert });
      const client = ordinary().authority.issue('a client');
      const session = (resumed?: Buffer) => {
        using both = pair({ secureContext: context, requestCert: true }, { ...client, ...(resumed && { session: resumed }) });
        both.server.write('x');
        both.client.read();
        expect(both.server.authorized).toBe(true);
        expect(both.server.peerCertificate()?.subject.CN).toBe('a client');
        return { reused: both.server.isSessionReused, next: both.client.getSession()! };
      };
      expect(session(session().next).reused).toBe(true);
    });
  });

  it('of node:tls and ours are resumed by each other', async () => {
    await spawn(() => {
      using server = nodeServer((socket) => socket.end('x'), { ticketKeys });
      const to = { host: '127.0.0.1', port: server.port, ca: ordinary().authority.cert };
      const session = (resumed?: Buffer) => {
        using socket = connect({ ...to, ...(resumed && { session: resumed }) });
        socket.read();
        return { reused: socket.isSessionReused, next: socket.getSession()! };
      };
      expect(session(session().next).reused).toBe(true);

      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server });
      spawn(() => {
        for (const socket of listener) spawn(() => { say(socket, 'x'); });
      });
      const nodes = (resumed?: Buffer) => {
        const socket = nodeClient(listener.address.port, resumed && { session: resumed });
        const next = once(socket, 'session');
        wait(received(socket));
        socket.end();
        return { reused: socket.isSessionReused(), next: resumed ?? (wait(next)[0] as Buffer) };
      };
      const first = nodes();
      expect(nodes(first.next).reused).toBe(true);
    });
  });
});

describe.skipIf(!haveOpenssl)('a response of OCSP', () => {
  it('is stapled to the certificate for clients that ask, and may be renewed', async () => {
    await spawn(() => {
      const context = secureContext(ordinary().server);
      const other = secureContext(ordinary().authority.issue('other', { names: 'DNS:other.example' }));
      const stapled = (requestOCSP: boolean, servername = 'localhost') => {
        const SNICallback = (name: string) => (name === 'other.example' ? other : undefined);
        using both = pair({ secureContext: context, SNICallback }, { requestOCSP, servername });
        return both.client.tls!.ocspResponse?.toString();
      };
      expect(stapled(true)).toBeUndefined();
      context.ocspResponse = Buffer.from('one');
      other.ocspResponse = Buffer.from('of the other');
      expect([stapled(true), stapled(false), stapled(true, 'other.example')]).toEqual(['one', undefined, 'of the other']);
      context.ocspResponse = Buffer.from('two');
      expect(stapled(true)).toBe('two');
      expect(() => { context.ocspResponse = 'three' as never; }).toThrowError(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
      using listener = listen({ host: '127.0.0.1', port: 0, secureContext: context });
      failure(() => listener.accept().read());
      const ca = ordinary().authority.cert;
      const asking = { port: listener.address.port, host: '127.0.0.1', servername: 'localhost', ca, requestOCSP: true };
      const node = tls.connect(asking as tls.ConnectionOptions);
      expect(String((wait(once(node, 'OCSPResponse')) as Buffer[])[0])).toBe('two');
      node.destroy();
    });
  });
});

it.skipIf(!haveOpenssl)('connect and listen of stackful/net take tls', async () => {
  await spawn(() => {
    const { authority, server } = ordinary();
    using listener = listenPlain({ host: '127.0.0.1', port: 0, tls: server });
    const accepting = spawn(() => listener.accept().readLine());
    using socket = connectPlain({ host: '127.0.0.1', port: listener.address.port, tls: { ca: authority.cert } });
    expect(socket).toBeInstanceOf(TlsSocket);
    socket.write('hello\n');
    expect(accepting.join()).toBe('hello');
  });
});
