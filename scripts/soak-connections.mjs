// npm run soak:connections -- [--count 100000] [--at-once 50] [--kinds tcp,unix,tls,udp,descriptors,child,fifo]
//
// Opens and closes that many connections of each kind, each with a byte there and back, and checks that neither resident memory nor
// the descriptors of the process grow with their number. Prints a line for each kind; the exit code is 1 when one grew. Needs
// --expose-gc, and for TLS the program openssl.
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { spawn } from 'stackful';
import { execFile } from 'stackful/child_process';
import { open } from 'stackful/fs';
import { connect, listen, UdpSocket } from 'stackful/net';
import { connect as connectTls, listen as listenTls, secureContext } from 'stackful/tls';
import { Memory } from './soak/memory.mjs';
import { wholeNumber } from './soak/options.mjs';

const SAMPLES = 50;
const ALL = ['tcp', 'unix', 'tls', 'udp', 'descriptors', 'child', 'fifo'];

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    'at-once': { type: 'string', default: '50' },
    kinds: { type: 'string', default: ALL.join(',') },
  },
});
const [count, atOnce] = ['count', 'at-once'].map((name) => wholeNumber(name, values[name]));
const kinds = values.kinds.split(',');
for (const kind of kinds) {
  if (ALL.includes(kind)) continue;
  console.error(`soak: --kinds: "${kind}" is not one of ${ALL.join(', ')}`);
  process.exit(2);
}
if (!globalThis.gc) throw new Error('soak: run with --expose-gc');
const directory = mkdtempSync(join(tmpdir(), 'stackful-soak-'));

/** What `using` does, which Node 20 and 22 do not know. */
function closing(resource, use) {
  try {
    return use(resource);
  } finally {
    resource.close();
  }
}

function echo(listener) {
  spawn(() => {
    for (const socket of listener) {
      spawn(() => closing(socket, (peer) => {
        for (const chunk of peer) peer.write(chunk);
      }));
    }
  });
  return listener;
}

const ask = (socket) => closing(socket, (it) => {
  it.write('x');
  if (String(it.read()) !== 'x') throw new Error('not what was sent');
  it.end();
  if (it.read() !== null) throw new Error('not the end');
});

function credentials() {
  const [key, cert] = [join(directory, 'key'), join(directory, 'cert')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

/** What prepares each kind, in a coroutine, and returns what makes one connection. */
const KINDS = {
  tcp() {
    const listener = echo(listen({ host: '127.0.0.1', port: 0 }));
    return () => ask(connect({ host: '127.0.0.1', port: listener.address.port }));
  },
  unix() {
    const path = join(directory, 'socket');
    echo(listen({ path }));
    return () => ask(connect({ path }));
  },
  tls() {
    const { key, cert } = credentials();
    const listener = echo(listenTls({ host: '127.0.0.1', port: 0, key, cert }));
    const options = { host: '127.0.0.1', port: listener.address.port, servername: 'localhost', secureContext: secureContext({ ca: cert }) };
    return () => ask(connectTls(options));
  },
  udp() {
    const server = UdpSocket.bind({ host: '127.0.0.1', port: 0 });
    spawn(() => {
      for (;;) {
        const { data, ...from } = server.receive();
        server.send(data, from);
      }
    });
    return () => closing(new UdpSocket(), (socket) => {
      socket.connect({ host: '127.0.0.1', port: server.address.port });
      socket.send('x');
      if (String(socket.receive().data) !== 'x') throw new Error('not what was sent');
    });
  },
  /** A descriptor of a file that goes through a Unix socket. */
  descriptors() {
    const path = join(directory, 'passed');
    const file = open(join(directory, 'file'), 'w+');
    const listener = listen({ path });
    spawn(() => {
      for (const socket of listener) closing(socket, (peer) => peer.sendDescriptors([file], 'x'));
    });
    return () => closing(connect({ path }), (socket) => {
      for (const fd of socket.receiveDescriptors().descriptors) closeSync(fd);
    });
  },
  child() {
    return () => {
      if (execFile('echo', ['x']).stdout !== 'x\n') throw new Error('not what was written');
    };
  },
  fifo() {
    const path = join(directory, 'fifo');
    execFileSync('mkfifo', [path]);
    const buffer = Buffer.alloc(1);
    return () => closing(open(path, 'r+'), (both) => {
      both.write('x');
      both.read(buffer);
    });
  },
};

const descriptors = () => readdirSync('/proc/self/fd').length;

/** Makes `count` connections, `atOnce` at a time; true if nothing has grown. */
async function run(name) {
  const one = await spawn(KINDS[name]).promise;
  const memory = new Memory();
  let before = 0;
  const began = performance.now();
  for (let sample = 0; sample < SAMPLES; sample++) {
    const each = Math.ceil(count / SAMPLES / atOnce);
    await Promise.all(Array.from({ length: atOnce }, () => spawn(() => {
      for (let i = 0; i < each; i++) one();
    }).promise));
    memory.sample();
    if (sample === 0) before = descriptors();
  }
  // The other end of the last ones may not have run yet.
  for (let i = 0; i < 100 && descriptors() > before; i++) await new Promise((done) => { setTimeout(done, 10); });
  const { flat, text } = memory.verdict();
  const open = descriptors() - before;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`soak: ${name}: ${count} in ${seconds} s, ${text}, descriptors: ${open > 0 ? `${open} more` : 'flat'}`);
  return flat && open <= 0;
}

let right = true;
for (const name of kinds) right = (await run(name)) && right;
rmSync(directory, { recursive: true });
console.log(`soak: ${right ? 'ok' : 'FAILED'}`);
process.exit(right ? 0 : 1);
