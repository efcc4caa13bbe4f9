// node inspected_shop.mjs [deadlock] [token] [recordings]: a server with an inspector; prints both ports, and the inspector's address. /checkout
// waits for one lock, which a coroutine holds while /hold is being answered.
import { Channel, Mutex, Semaphore, sleep, spawn } from 'stackful';
import { readFile } from 'stackful/fs';
import { serve } from 'stackful/http';
import { inspect } from 'stackful/inspect';

const stock = new Mutex({ name: 'stock' });
const printers = new Semaphore(2, { name: 'printers' });
const jobs = new Channel(4, { name: 'jobs' });
const file = new URL(import.meta.url).pathname;

function reserve() {
  stock.lock();
  try {
    sleep(2);
  } finally {
    stock.unlock();
  }
  return 'reserved';
}

function printLabel() {
  printers.acquire();
  try {
    sleep(5);
  } finally {
    printers.release();
  }
}

function checkout() {
  const what = reserve();
  printLabel();
  return what;
}

function showOrder(path) {
  sleep(1 + Math.random() * 4);
  return `${path}: ${readFile(file, 'utf8').length}`;
}

function compute(n) {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += Math.sqrt(i) * Math.sin(i);
  return sum;
}

function holdStock() {
  stock.lock();
  try {
    sleep(600_000);
  } finally {
    stock.unlock();
  }
  return 'held';
}

const server = serve((request) => {
  if (request.path === '/checkout') return checkout();
  if (request.path.startsWith('/orders/')) return showOrder(request.path);
  if (request.path === '/compute') return String(compute(2e5));
  if (request.path === '/hold') return holdStock();
  return 'hello';
}, { host: '127.0.0.1' });

spawn(function consumeJobs() { for (const job of jobs) sleep(job); }, { name: 'consumer' });
for (let i = 0; i < 3; i++) spawn(function produceJobs() { for (;;) jobs.send(3); }, { name: `producer ${i}` });

function lockBoth(first, second) {
  first.lock();
  sleep(1);
  second.lock();
}

if (process.argv.includes('deadlock')) {
  console.error = () => undefined;
  const ledger = new Mutex({ name: 'ledger' });
  const archive = new Mutex({ name: 'archive' });
  spawn(() => lockBoth(ledger, archive), { name: 'transfer' });
  spawn(() => lockBoth(archive, ledger), { name: 'report' });
}

const inspector = inspect({ port: 0, ...(process.argv.includes('token') && { token: true }), recordings: process.argv.includes('recordings') });
console.log(`${server.port} ${inspector.port} ${inspector.url}`);
