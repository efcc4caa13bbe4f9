import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Event, Mutex, offload, record, select, simulate, SimulationError, sleep, spawn, timeout } from 'stackful';
import { execFile, spawn as start } from 'stackful/child_process';
import { rename, rm, statfs } from 'stackful/fs';
import { router, serve, type Request, type Server } from 'stackful/http';
import { Client } from 'stackful/http/client';
import { connect, listen, readable, UdpSocket } from 'stackful/net';
import { connect as connectTls, listen as listenTls } from 'stackful/tls';
import { connect as connectWebSocket } from 'stackful/websocket';

import { ask } from '../support/ask.js';

const directory = mkdtempSync('/tmp/stackful-record-');
const file = `${directory}/trace`;
afterAll(() => { rmSync(directory, { recursive: true }); });

/** Runs it for real, and again from the recording: what it has logged is the same. */
async function twice<R>(program: (real: boolean) => R, outside?: () => Promise<unknown>): Promise<R> {
  const [once] = await Promise.all([record({ file }, () => program(true)), outside?.()]);
  expect(await simulate({ replay: file }, () => program(false))).toEqual(once);
  return once;
}

describe('a recording of Knot', () => {
  it('has requests with their bodies, and handlers that get them again', async () => {
    const log: unknown[] = [];
    const answers: string[] = [];
    let listening!: (port: number) => void;
    const port = new Promise<number>((resolve) => { listening = resolve; });
    const program = (real: boolean) => {
      log.length = 0;
      const done = new Event();
      const server: Server = serve(router()
        .get('/users/:id', (asked) => {
          sleep(Math.random());
          log.push(asked.method, asked.path, asked.params.id, asked.query.get('q'), asked.headers.get('x-token'), asked.remoteAddress);
          return { id: asked.params.id };
        })
        .post('/orders', (asked) => {
          log.push(asked.json(), [...asked.headers].length);
          return `taken at ${Date.now()}`;
        })
        .post('/upload', (asked) => {
          let length = 0;
          for (const chunk of asked) length += chunk.length;
          log.push(length);
          return { status: 201, headers: { 'X-Length': String(length) }, body: ['in ', 'parts'] };
        })
        .get('/fails', () => { throw new TypeError('not handled'); })
        .get('/done', () => { done.set(); return 'done'; }), { host: '127.0.0.1', onError: (error) => { log.push(String(error)); } });
      if (real) listening(server.port);
      log.push(server.port);
      done.wait();
      server.close().join();
      log.push(server.stats.requests);
      return [...log];
    };
    const once = await twice(program, async () => {
      const at = await port;
      answers.push(...await Promise.all([
        ask(at, '/users/7?q=a%20b', { headers: { 'X-Token': 'secret' } }), ask(at, '/users/8'),
        ask(at, '/orders', { method: 'POST', body: '{"item":"tea"}' }),
        ask(at, '/upload', { method: 'POST', body: 'x'.repeat(300_000) }),
        ask(at, '/fails'),
      ]));
      await ask(at, '/done');
    });
    expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['200', '200', '200', '201', '500']);
    expect(once).toEqual(expect.arrayContaining([
      'GET', '/users/7', '7', 'a b', 'secret', '127.0.0.1', '8', { item: 'tea' }, 300_000, 'TypeError: not handled', 6,
    ]));
  });

  it('lets a handler that has changed ask something else about the same requests', async () => {
    let listening!: (port: number) => void;
    const port = new Promise<number>((resolve) => { listening = resolve; });
    const program = (handler: (asked: Request) => string, real: boolean) => {
      let seen = '';
      const server = serve((asked) => { seen = handler(asked); return seen; }, { host: '127.0.0.1' });
      if (real) listening(server.port);
      while (seen === '') sleep(5);
      server.close().join();
      return seen;
    };
    await Promise.all([record({ file }, () => program(({ path }) => path, true)), port.then((at) => ask(at, '/a?b=1', { headers: { Cookie: 'c=2' } }))]);
    expect(await simulate({ replay: file }, () => program((asked) => `${asked.method} ${asked.target} ${asked.headers.get('COOKIE')}`, false)))
      .toBe('GET /a?b=1 c=2');
  });

  it('fails again in the same way, with the turns that led there', async () => {
    let listening!: (port: number) => void;
    const port = new Promise<number>((resolve) => { listening = resolve; });
    const program = (real: boolean) => {
      let balance = 100;
      const wrong = new Event();
      const server = serve((asked) => {
        const amount = Number(asked.query.get('amount'));
        if (balance < amount) return 'refused';
        sleep(20 * Math.random()); // another request may come in between: a mistake
        balance -= amount;
        if (balance < 0) wrong.set();
        return 'paid';
      }, { host: '127.0.0.1' });
      if (real) listening(server.port);
      wrong.wait();
      throw new Error(`the balance is ${balance}`);
    };
    const recorded = record({ file }, () => program(true)).catch((error: unknown) => String(error));
    const at = await port;
    void Promise.allSettled(Array.from({ length: 8 }, (_, i) => ask(at, `/pay?amount=${20 + i}`)));
    const once = await recorded;
    expect(once).toMatch(/^Error: the balance is -\d+$/);
    for (let i = 0; i < 2; i++) {
      const error: unknown = await simulate({ replay: file }, () => program(false)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(SimulationError);
      expect(String((error as SimulationError).cause)).toBe(once);
      expect((error as SimulationError).story).toMatch(/http connection.*: waits: sleep/);
    }
  });

  it('has HTTP/2, and WebSockets', async () => {
    let log: unknown[] = [];
    await twice(() => {
      log = [];
      const server = serve((asked) => {
        if (asked.path === '/socket') {
          const socket = asked.upgrade();
          for (const message of socket) {
            log.push(message);
            socket.send(`${String(message)}!`);
          }
          return;
        }
        log.push([asked.httpVersion, asked.path, asked.method === 'POST' ? asked.text() : '']);
        return `${asked.path} ${Math.random()}`;
      }, { host: '127.0.0.1', http2: true });
      const client = new Client({ http2: 'prior-knowledge' });
      const both = ['/one', '/two'].map((path) => spawn(() => client.request(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', body: path }).text()));
      log.push(both.map((one) => one.join()));
      client.close();
      const socket = connectWebSocket(`ws://127.0.0.1:${server.port}/socket`);
      socket.send('hello');
      log.push(socket.receive());
      socket.close();
      server.close().join();
      return log;
    });
    expect(log).toEqual(expect.arrayContaining([['2.0', '/one', '/one'], ['2.0', '/two', '/two'], 'hello', 'hello!']));
  });
});

describe('a recording', () => {
  it('has datagrams', async () => {
    let bound!: (port: number) => void;
    const port = new Promise<number>((resolve) => { bound = resolve; });
    const log = await twice((real) => {
      const seen: unknown[] = [];
      using socket = UdpSocket.bind({ host: '127.0.0.1' });
      const own = socket.address.port;
      if (real) bound(own);
      for (let i = 0; i < 3; i++) {
        const { data, address, port: from } = socket.receive();
        seen.push(String(data), address, from);
        socket.send(`${String(data)} back`, { host: address, port: from });
      }
      return seen;
    }, async () => {
      const at = await port;
      const other = createSocket('udp4');
      const answers: string[] = [];
      await new Promise<void>((resolve) => {
        other.on('message', (message) => {
          answers.push(String(message));
          if (answers.length < 3) other.send(`datagram ${answers.length}`, at, '127.0.0.1');
          else resolve();
        });
        other.send('datagram 0', at, '127.0.0.1');
      });
      other.close();
    });
    expect(log).toEqual(expect.arrayContaining(['datagram 0', 'datagram 1', 'datagram 2']));
  });

  it('has child processes: what they write, how they end, and how they are ended', async () => {
    const ran = `${directory}/ran`;
    const program = () => {
      const seen: unknown[] = [];
      seen.push(execFile('sh', ['-c', `echo $$; echo x >> ${ran}`], { encoding: 'utf8' }).stdout);
      using sort = start('sort', ['-n']);
      sort.stdin!.write('10\n9\n');
      sort.stdin!.end();
      seen.push([...sort.stdout!.lines()], sort.wait(), sort.pid);
      try {
        execFile('sh', ['-c', 'sleep 60 & sleep 60'], { timeout: 30 });
      } catch (error) {
        seen.push((error as { signal?: string }).signal);
      }
      {
        using sleeper = start('sleep', ['60']);
        seen.push(sleeper.pid);
      }
      try {
        execFile('/no/such/program');
      } catch (error) {
        seen.push((error as NodeJS.ErrnoException).code);
      }
      return seen;
    };
    const seen = await twice(program);
    expect(seen).toEqual([expect.stringMatching(/^\d+\n$/), ['9', '10'], { code: 0, signal: null }, expect.any(Number), 'SIGTERM', expect.any(Number), 'ENOENT']);
    // Once, for the recording.
    expect(readFileSync(ran, 'utf8')).toBe('x\n');
  });

  it('has select over sockets, and calls that Node makes', async () => {
    const moved = `${directory}/moved`;
    let log: unknown[] = [];
    await twice(() => {
      log = [];
      writeFileSync(moved, '');
      const listener = listen({ host: '127.0.0.1', port: 0 });
      const client = connect({ host: '127.0.0.1', port: listener.address.port });
      const server = listener.accept();
      const stop = new Event();
      spawn(() => { sleep(2); client.write('ping'); sleep(2); stop.set(); });
      for (let i = 0; i < 2; i++) {
        const { key } = select({ data: readable(server), stop });
        log.push(key, key === 'data' ? String(server.read()) : '');
      }
      for (const one of [client, server, listener]) one.close();
      rename(moved, `${moved}2`);
      rm(`${moved}2`);
      return log;
    });
    expect(log).toEqual(['data', 'ping', 'stop', '']);
  });

  it('says what it does not have, when it is recorded and when it is replayed', async () => {
    const warnings: string[] = [];
    const note = (warning: Error & { code?: string }) => { warnings.push(`${warning.code}: ${warning.message}`); };
    process.on('warning', note);
    const path = `${directory}/twice.mjs`;
    writeFileSync(path, 'export default (n) => 2 * n;\n');
    expect(await record({ file }, () => offload(path, [4]))).toBe(8);
    process.off('warning', note);
    expect(warnings).toEqual(['ERR_NOT_RECORDED: offload is not recorded: the replay ends there']);
    const error: unknown = await simulate({ replay: file }, () => offload(path, [4])).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ cause: { code: 'ERR_NOT_RECORDED' } });
    await record({ file }, () => statfs('/'));
    expect(await simulate({ replay: file }, () => statfs('/')).catch((thrown: unknown) => thrown)).toMatchObject({ cause: { code: 'ERR_NOT_RECORDED' } });
  });
});

describe('a recording over TLS', () => {
  const tls = { key: '', cert: '' };
  beforeAll(() => {
    const [key, cert] = [`${directory}/key.pem`, `${directory}/cert.pem`];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert,
      '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' });
    tls.key = readFileSync(key, 'utf8');
    tls.cert = readFileSync(cert, 'utf8');
  });

  it('has the bytes that were decrypted, and what the handshake has found', async () => {
    const log = await twice(() => {
      const seen: unknown[] = [];
      const listener = listenTls({ host: '127.0.0.1', port: 0, ...tls });
      const serving = spawn(() => {
        const socket = listener.accept();
        for (let line = socket.readLine(); line !== null; line = socket.readLine()) socket.write(`${line} back\n`);
        socket.close();
      });
      const socket = connectTls({ host: '127.0.0.1', port: listener.address.port, servername: 'localhost', ca: tls.cert });
      socket.write('secret\n');
      seen.push(socket.readLine(), socket.protocol, socket.authorized, socket.peerCertificate()?.subject.CN);
      socket.close();
      serving.join();
      listener.close();
      const untrusted = listenTls({ host: '127.0.0.1', port: 0, ...tls });
      spawn(() => { try { untrusted.accept().handshake(); } catch { /* the client has left */ } });
      try {
        connectTls({ host: '127.0.0.1', port: untrusted.address.port, servername: 'localhost' });
      } catch (error) {
        seen.push((error as NodeJS.ErrnoException).code);
      }
      untrusted.close();
      return seen;
    });
    expect(log).toEqual(['secret back', 'TLSv1.3', true, 'localhost', 'DEPTH_ZERO_SELF_SIGNED_CERT']);
    const recorded = readFileSync(file, 'utf8');
    expect(recorded).toContain(Buffer.from('secret\n').toString('base64'));
    expect(recorded).not.toContain('PRIVATE KEY');
  });

  it('has requests of a server that speaks TLS, whose client is recorded, too', async () => {
    const log = await twice(() => {
      const server = serve((asked) => `${asked.path} over ${asked.tls?.protocol}`, { host: '127.0.0.1', tls });
      const client = new Client({ tls: { ca: tls.cert, servername: 'localhost' } });
      const texts = ['/a', '/b'].map((path) => client.request(`https://127.0.0.1:${server.port}${path}`).text());
      client.close();
      server.close().join();
      return texts;
    });
    expect(log).toEqual(['/a over TLSv1.3', '/b over TLSv1.3']);
  });
});

describe('what a replay does not do', () => {
  it('is to listen, to connect, or to change what is outside', async () => {
    const mutex = new Mutex();
    await twice(() => mutex.withLock(() => {
      const server = serve(() => 'hello', { host: '127.0.0.1' });
      const text = timeout(5_000, () => new Client().request(`http://127.0.0.1:${server.port}/`).text());
      server.close({ deadline: 100 }).join();
      return text;
    }));
  });
});
