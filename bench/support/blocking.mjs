import { execFile, execFileSync, spawn as start } from 'node:child_process';
import { pbkdf2, pbkdf2Sync } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { spawn } from 'stackful';
import { createSyncFn } from 'synckit';

const FILE_BYTES = 256 * 1024;
const WORKERS = 8;
const CALLS = 300_000;
const ROUNDS = 15;

/** Asks without a pause until it is ended; then prints its 99th percentile and its longest wait, in milliseconds. */
const CLIENT = `
  const http = require('node:http');
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const times = [];
  const ask = () => {
    const begin = performance.now();
    http.get({ port: process.argv[1], agent }, (response) => response.resume().on('end', () => {
      times.push(performance.now() - begin);
      setTimeout(ask, 1);
    })).on('error', () => undefined);
  };
  ask();
  process.stdin.on('end', () => {
    times.sort((a, b) => a - b);
    console.log(JSON.stringify([times[Math.floor(times.length * 0.99)] ?? 1e4, times.at(-1) ?? 1e4]));
    process.exit();
  }).resume();`;

/** Nanoseconds of a call on the main stack, the best of some rounds. */
function outside(call) {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    for (let i = 0; i < CALLS / ROUNDS; i++) call();
    best = Math.min(best, performance.now() - begin);
  }
  return (best * 1e6) / (CALLS / ROUNDS);
}

/** Files that the kernel has not in its memory. */
function coldFiles(directory, count) {
  return Array.from({ length: count }, (_, i) => {
    const file = join(directory, String(i));
    fs.writeFileSync(file, Buffer.alloc(FILE_BYTES, i));
    execFileSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' });
    return file;
  });
}

/** Functions of synckit with a worker each: it makes one for each path. */
function workers(directory) {
  return Array.from({ length: WORKERS }, (_, i) => {
    const path = join(directory, `worker-${i}.mjs`);
    fs.symlinkSync(new URL('./blocking-worker.mjs', import.meta.url), path);
    const ask = createSyncFn(path);
    ask(0);
    return ask;
  });
}

const key = ['password', 'salt', 20_000, 32, 'sha256'];
const nap = ['sleep', ['0.05']];
const WORKER_MS = 20;

/** What each coroutine does: on a file, a key, a program, and a worker. */
const blocking = (file, ask) => spawn(() => {
  if (fs.readFileSync(file).length !== FILE_BYTES) throw new Error('a wrong file');
  pbkdf2Sync(...key);
  execFileSync(...nap);
  ask(WORKER_MS);
}).promise;

/** The same in an async function; the worker's answer, which synckit has in its blocking form only, is a timer. */
export async function promising(file) {
  if ((await fs.promises.readFile(file)).length !== FILE_BYTES) throw new Error('a wrong file');
  await promisify(pbkdf2)(...key);
  await promisify(execFile)(...nap);
  await setTimeout(WORKER_MS);
}

/** Prints what `argv[2]` coroutines take that all block. */
export async function measureBlocking(subject, work = blocking) {
  const coroutines = Number(process.argv[2]);
  const directory = fs.mkdtempSync(join(process.env.BENCH_DIRECTORY ?? tmpdir(), 'stackful-blocking-'));
  const exists = outside(() => fs.existsSync('/'));
  const stat = outside(() => fs.statSync('/'));
  try {
    const files = coldFiles(directory, coroutines);
    const asks = workers(directory);
    const server = createServer((_, response) => { response.end('hello'); }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = start(process.execPath, ['-e', CLIENT, String(server.address().port)], { stdio: ['pipe', 'pipe', 'inherit'] });
    await setTimeout(500);
    const begin = performance.now();
    await Promise.all(files.map((file, i) => work(file, asks[i % WORKERS])));
    const took = performance.now() - begin;
    client.stdin.end();
    const [text] = await once(client.stdout, 'data');
    const [p99, longest] = JSON.parse(text);
    server.close();
    const row = (metric, value, unit) => ({ subject, metric, value, unit });
    console.log(JSON.stringify([
      row('all_ms', took, 'ms'), row('neighbour_p99_ms', p99, 'ms'), row('neighbour_longest_ms', longest, 'ms'),
      row('outside_exists_ns', exists, 'ns'), row('outside_stat_ns', stat, 'ns'),
    ]));
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
  process.exit();
}
