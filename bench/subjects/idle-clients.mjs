// idle-clients.mjs PORT KIND COUNT: connections that have asked once and stay; prints "open" when all have their answers. Ends as soon
// as the server closes one.
import { connect } from 'stackful/net';
import { connect as connectTls, secureContext } from 'stackful/tls';
import { Semaphore, spawn, WaitGroup } from 'stackful';

const [port, kind, count] = process.argv.slice(2).map((text) => (/^\d+$/.test(text) ? Number(text) : text));
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n';
const UPGRADE = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
/** A masked binary frame of five bytes. */
const MESSAGE = Buffer.from([0x82, 0x85, 0, 0, 0, 0, ...Buffer.from('hello')]);
/** The preface, empty settings, and a GET of / with `:authority: x` as stream 1. */
const HTTP2 = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
  Buffer.from([0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 1, 0x78]),
]);
const SETTINGS_ACK = Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0]);
const BODY = 'Hello, World!\n';
const context = kind === 'tls' ? secureContext() : undefined;

function readUntil(socket, isAll) {
  let data = Buffer.alloc(0);
  while (!isAll(data)) {
    const more = socket.read();
    if (more === null) throw new Error('the server closed a connection before its answer');
    data = Buffer.concat([data, more]);
  }
}

function ask(socket) {
  if (kind === 'http2') {
    socket.write(HTTP2);
    readUntil(socket, (data) => data.includes(BODY));
    socket.write(SETTINGS_ACK);
  } else if (kind === 'websocket') {
    socket.write(`${GET}${UPGRADE}\r\n`);
    readUntil(socket, (data) => data.includes('\r\n\r\n'));
    socket.write(MESSAGE);
    readUntil(socket, (data) => data.includes('hello'));
  } else {
    socket.write(`${GET}\r\n`);
    readUntil(socket, (data) => data.includes(BODY));
  }
}

const atOnce = new Semaphore(32);
const answered = new WaitGroup();
answered.add(count);
for (let i = 0; i < count; i++) {
  spawn(() => {
    atOnce.acquire();
    const to = { host: '127.0.0.1', port };
    const socket = context ? connectTls({ ...to, secureContext: context, rejectUnauthorized: false }) : connect(to);
    ask(socket);
    atOnce.release();
    answered.done();
    // What comes after the answer: settings, tickets. Then nothing, until the server closes.
    try {
      while (socket.read() !== null);
    } catch {
      // Cut off is closed, too.
    }
    process.exit(1);
  });
}
spawn(() => {
  answered.wait();
  console.log('open');
});
