// Peers that are not Node: the program openssl, and curl.
import { spawn as start, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { sleep, spawn, wait } from 'stackful';
import { serve } from 'stackful/http';
import { connect, listen } from 'stackful/tls';

import { temporaryDirectory } from '../net/peers.js';
import { haveOpenssl, ordinary } from './certificates.js';
import { failure, pattern } from './peers.js';

const haveCurl = spawnSync('curl', ['--version']).status === 0;
if (!haveCurl) console.log('the tests with curl are skipped: it is not installed');

interface Program extends Disposable {
  child: ChildProcess;
  output: () => string;
  ended: Promise<unknown>;
}

function program(name: string, ...args: string[]): Program {
  const child = start(name, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString('latin1')));
  child.stdin.on('error', () => undefined);
  return {
    child,
    output: () => output,
    ended: once(child, 'close'),
    [Symbol.dispose]() { child.kill('SIGKILL'); },
  };
}

const authorityFile = () => ordinary().authority.file('authority.pem', ordinary().authority.cert);

describe.skipIf(!haveOpenssl)('openssl s_client', () => {
  const client = (port: number, ...args: string[]) =>
    program('openssl', 's_client', '-connect', `127.0.0.1:${String(port)}`, '-servername', 'localhost', '-CAfile', authorityFile(),
      '-verify_return_error', '-brief', ...args);

  it.each([
    ['-tls1_2'], ['-tls1_3'], ['-tls1_2', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305'], ['-tls1_3', '-ciphersuites', 'TLS_AES_128_GCM_SHA256'],
    ['-tls1_3', '-groups', 'P-384'],
  ])('talks to a server of ours: %s', async (...args) => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server });
      using peer = client(listener.address.port, ...args, '-quiet');
      using accepted = listener.accept();
      peer.child.stdin!.write('hello\n');
      expect(accepted.readLine()).toBe('hello');
      accepted.write('and to you\n');
      while (!peer.output().includes('and to you')) sleep(2);
      peer.child.stdin!.end();
      accepted.end();
      wait(peer.ended);
    });
  });

  it.each(['-tls1', '-tls1_1', '-ssl3'])('gets no older version: %s', async (version) => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server });
      const accepting = failure(() => listener.accept().read());
      using peer = client(listener.address.port, version, '-cipher', 'ALL@SECLEVEL=0');
      wait(peer.ended);
      expect(peer.output()).not.toContain('CONNECTION ESTABLISHED');
      listener.close();
      expect(accepting.join()).toBeDefined();
    });
  });

  it('gets no weak cipher', async () => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server });
      const accepting = failure(() => listener.accept().read());
      using peer = client(listener.address.port, '-tls1_2', '-cipher', 'NULL:aNULL:RC4:DES:3DES:EXPORT:MD5:@SECLEVEL=0');
      wait(peer.ended);
      expect(peer.output()).not.toContain('CONNECTION ESTABLISHED');
      listener.close();
      expect(accepting.join()).toBeDefined();
    });
  });

  it('is not given a renegotiation', async () => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server });
      using peer = program('openssl', 's_client', '-connect', `127.0.0.1:${String(listener.address.port)}`, '-tls1_2', '-CAfile',
        authorityFile());
      using accepted = listener.accept();
      peer.child.stdin!.write('hello\n');
      expect(accepted.readLine()).toBe('hello');
      peer.child.stdin!.write('R\n');
      // Refused by a warning: it gives up.
      expect(failure(() => { for (const _ of accepted); }).join()?.code ?? 'the end').toMatch(/ERR_TLS_TRUNCATED|ERR_SSL|the end/);
      wait(peer.ended);
      expect(peer.output()).toMatch(/no renegotiation/i);
    });
  });

  it('may change its keys', async () => {
    await spawn(() => {
      using listener = listen({ host: '127.0.0.1', port: 0, ...ordinary().server });
      using peer = program('openssl', 's_client', '-connect', `127.0.0.1:${String(listener.address.port)}`, '-tls1_3', '-CAfile',
        authorityFile());
      using accepted = listener.accept();
      accepted.handshake();
      for (let i = 0; i < 3; i++) {
        peer.child.stdin!.write('K\n');
        sleep(20);
        peer.child.stdin!.write(`line ${String(i)}\n`);
        expect(accepted.readLine()).toBe(`line ${String(i)}`);
        accepted.write(`answer ${String(i)}\n`);
        while (!peer.output().includes(`answer ${String(i)}`)) sleep(2);
      }
      expect(peer.output()).toContain('KEYUPDATE');
    });
  });
});

describe.skipIf(!haveOpenssl)('openssl s_server', () => {
  it.each([['-tls1_2'], ['-tls1_3'], ['-tls1_3', '-num_tickets', '0'], ['-tls1_2', '-no_ticket']])('serves a client of ours: %s', async (...args) => {
    const { authority, server } = ordinary();
    const [key, cert] = [authority.file('s_server.key', server.key), authority.file('s_server.pem', server.cert)];
    await spawn(() => {
      using peer = program('openssl', 's_server', '-accept', '127.0.0.1:0', '-key', key, '-cert', cert, '-rev', ...args);
      const port = () => /ACCEPT \S*?:(\d+)/.exec(peer.output())?.[1];
      while (port() === undefined) sleep(2);
      using socket = connect({ host: '127.0.0.1', port: Number(port()), ca: authority.cert });
      socket.write('abcdef\n');
      expect(socket.readLine()).toBe('fedcba');
      expect(socket.authorized).toBe(true);
    });
  });
});

describe.skipIf(!haveOpenssl || !haveCurl)('curl', () => {
  const curl = (...args: string[]) => {
    const peer = program('curl', '-sS', '--cacert', authorityFile(), '--max-time', '60', ...args);
    wait(peer.ended);
    return peer.output();
  };

  it('fetches pages and files, several on one connection, and uploads', async () => {
    const directory = temporaryDirectory();
    const big = pattern(3 << 20, 2);
    writeFileSync(join(directory, 'big'), big);
    const { staticFiles } = await import('stackful/http');
    const files = staticFiles(directory);
    const server = serve((request) => {
      if (request.method === 'POST') return String(request.readBody(1 << 24).equals(big));
      return request.path.startsWith('/page') ? `hello from ${request.path}` : files(request);
    }, { host: '127.0.0.1', tls: ordinary().server });
    const url = `https://localhost:${String(server.port)}`;
    const at = ['--connect-to', `localhost:${String(server.port)}:127.0.0.1:${String(server.port)}`];
    await spawn(() => {
      expect(curl(...at, `${url}/page1`, `${url}/page2`)).toBe('hello from /page1hello from /page2');
      expect(Buffer.from(curl(...at, `${url}/big`), 'latin1').equals(big)).toBe(true);
      expect(curl(...at, '--data-binary', `@${join(directory, 'big')}`, `${url}/up`)).toBe('true');
      expect(curl(...at, '--tlsv1.3', '--http1.1', `${url}/page3`)).toBe('hello from /page3');
      expect(curl('-H', 'Connection: close', ...at, `${url}/page4`)).toBe('hello from /page4');
    });
    await server.close({ deadline: 0 });
  });
});
