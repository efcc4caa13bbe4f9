// A server of HTTP/2 that sends the frames that a test wants it to, and others of node:http2 and nginx.
import { spawn as startProcess, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http2, { type Http2SecureServer, type Http2Server, type ServerHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { connect as dial, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { spawn } from 'stackful';
import { listen, type Socket } from 'stackful/net';

import { ordinary } from '../../../tls/certificates.js';
import { ACK, END_HEADERS, END_STREAM, fields, frame, Type, uint32, type Frame } from '../../http2/peers.js';

export { ACK, END_HEADERS, END_STREAM, fields, frame, Type, uint32 };

/** A connection to the server by hand. */
export class Peer {
  readonly frames: Frame[] = [];
  constructor(readonly socket: Socket) {}

  /** Parks. */
  send(...frames: Buffer[]): this {
    this.socket.write(Buffer.concat(frames));
    return this;
  }

  /** A head of an answer. */
  head(stream: number, flags = END_STREAM, ...more: [string, string][]): this {
    return this.send(frame(Type.headers, END_HEADERS | flags, stream, fields([':status', '200'], ...more)));
  }

  data(stream: number, payload: string | Uint8Array, flags = 0): this {
    return this.send(frame(Type.data, flags, stream, payload));
  }

  reset(stream: number, error: number): this {
    return this.send(frame(Type.reset, 0, stream, uint32(error)));
  }

  goaway(last: number, error = 0): this {
    return this.send(frame(Type.goaway, 0, 0, Buffer.concat([uint32(last), uint32(error)])));
  }

  /** The frames of a type so far. */
  of(type: number): Frame[] {
    return this.frames.filter((one) => one.type === type);
  }
}

export interface FrameServer extends Disposable {
  readonly url: string;
  /** Those that were accepted. */
  readonly peers: Peer[];
}

const settings = (...pairs: [id: number, value: number][]): Buffer =>
  frame(Type.settings, 0, 0, Buffer.concat(pairs.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)]))));

/** Begins each connection with SETTINGS, and calls `on` for each frame that comes. What `on` throws ends the connection. */
export function frameServer(on: (peer: Peer, frame: Frame) => void, ...first: [id: number, value: number][]): FrameServer {
  const listener = listen({ host: '127.0.0.1', port: 0 });
  const peers: Peer[] = [];
  spawn(() => {
    for (const socket of listener) {
      const peer = new Peer(socket);
      peers.push(peer);
      spawn(() => {
        try {
          socket.readExactly(24);
          peer.send(settings(...first));
          for (;;) {
            const head = socket.readExactly(9);
            const [type, flags, stream] = [head[3]!, head[4]!, head.readUInt32BE(5)];
            const one = { type, flags, stream, payload: socket.readExactly(head.readUIntBE(0, 3)) };
            peer.frames.push(one);
            if (type === Type.settings && !(flags & ACK)) peer.send(frame(Type.settings, ACK, 0));
            on(peer, one);
          }
        } catch {
          // The client has closed the connection, as many tests want it to.
        } finally {
          socket.close();
        }
      });
    }
  }).then(undefined, () => undefined);
  return {
    url: `http://127.0.0.1:${listener.address.port}`,
    peers,
    [Symbol.dispose]() {
      listener.close();
      for (const { socket } of peers) socket.close();
    },
  };
}

/** Calls `on` for each request. */
export const answering = (on: (peer: Peer, stream: number, nth: number) => void, ...first: [id: number, value: number][]): FrameServer => {
  let nth = 0;
  return frameServer((peer, { type, stream }) => {
    if (type === Type.headers) on(peer, stream, ++nth);
  }, ...first);
};

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
const servers: (Http2Server | Http2SecureServer)[] = [];
const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) server.close();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A server of node:http2; it ends with the test. */
export async function nodeServer(on: OnStream, secure = false, options: http2.SecureServerOptions = {}): Promise<{ url: string; server: Http2Server | Http2SecureServer }> {
  const server = secure ? http2.createSecureServer({ ...ordinary().server, ...options }) : http2.createServer(options as http2.ServerOptions);
  servers.push(server);
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined).on('close', () => sessions.delete(session));
  });
  cleanups.push(() => { for (const session of sessions) session.destroy(); });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    on(stream, headers);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: secure ? `https://localhost:${port}` : `http://127.0.0.1:${port}`, server };
}

export const haveNginx = / --with-http_v2_module|http_v2/.test(spawnSync('nginx', ['-V'], { encoding: 'utf8' }).stderr ?? '');
if (!haveNginx) console.log('the tests against nginx are skipped: it is not installed, or has no HTTP/2');

/** nginx with HTTP/2 over TLS, serving the files that are given; it ends with the test. */
export async function nginx(files: Record<string, string | Buffer>): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-nginx-'));
  const { key, cert } = ordinary().server;
  writeFileSync(join(directory, 'key.pem'), key);
  writeFileSync(join(directory, 'cert.pem'), cert);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content, { mode: 0o644 });
  const probe = (await import('node:net')).createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  writeFileSync(join(directory, 'nginx.conf'), `
    daemon off; master_process off; pid ${directory}/pid; error_log ${directory}/error.log;
    events { worker_connections 64; }
    http {
      access_log off;
      client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
      uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
      server {
        listen 127.0.0.1:${port} ssl http2;
        ssl_certificate ${directory}/cert.pem; ssl_certificate_key ${directory}/key.pem;
        http2_max_concurrent_streams 8; keepalive_requests 1000; gzip on; gzip_types text/plain; gzip_min_length 1;
        root ${directory};
      }
    }`);
  const child = startProcess('nginx', ['-c', join(directory, 'nginx.conf'), '-p', directory], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(directory, { recursive: true });
  });
  for (let up = false; !up && child.exitCode === null;) {
    up = await new Promise<boolean>((resolve) => {
      const socket = dial(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
      socket.on('error', () => { resolve(false); });
    });
    if (!up) await delay(20);
  }
  return `https://localhost:${port}`;
}
