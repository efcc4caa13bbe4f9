// node client.mjs SUBJECT URL WIDTH SECONDS: GET requests over connections that are kept, so many at a time; prints the CPU that a
// request has cost this process. Those of HTTP/2 have one connection, and believe any certificate.
import { argv } from 'node:process';

const [, , subject, url, width, seconds] = argv;
const WARM_UP_MS = 1000;
const many = Number(width);
let count = 0;
let over = false;

/** Each makes requests one after the other until it is over. */
const SUBJECTS = {
  async stackful() {
    const { spawn } = await import('stackful');
    const { Client } = await import('stackful/http/client');
    const client = new Client({ connections: many });
    return Promise.all(Array.from({ length: many }, () => spawn(() => {
      for (; !over; count++) client.request(url).text();
    })));
  },
  async 'stackful-fetch'() {
    const { spawn } = await import('stackful');
    const { fetch } = await import('stackful/http/client');
    return Promise.all(Array.from({ length: many }, () => spawn(() => {
      for (; !over; count++) fetch(url).text();
    })));
  },
  async 'stackful-http2'() {
    const { spawn } = await import('stackful');
    const { Client } = await import('stackful/http/client');
    const client = new Client({ http2: true, tls: { rejectUnauthorized: false } });
    return Promise.all(Array.from({ length: many }, () => spawn(() => {
      for (; !over; count++) client.request(url).text();
    })));
  },
  async 'undici-http2'() {
    const { Agent, request } = await import('undici');
    const dispatcher = new Agent({ allowH2: true, connections: 1, maxConcurrentStreams: many, connect: { rejectUnauthorized: false } });
    return Promise.all(Array.from({ length: many }, async () => {
      for (; !over; count++) await (await request(url, { dispatcher })).body.text();
    }));
  },
  async 'node-http2'() {
    const { connect } = await import('node:http2');
    const session = connect(url, { rejectUnauthorized: false });
    const one = () => new Promise((resolve, reject) => {
      const stream = session.request({ ':path': '/' });
      let text = '';
      stream.setEncoding('utf8').on('data', (chunk) => (text += chunk)).on('end', () => resolve(text)).on('error', reject);
    });
    return Promise.all(Array.from({ length: many }, async () => {
      for (; !over; count++) await one();
    }));
  },
  async undici() {
    const { Agent, request } = await import('undici');
    const dispatcher = new Agent({ connections: many });
    return Promise.all(Array.from({ length: many }, async () => {
      for (; !over; count++) await (await request(url, { dispatcher })).body.text();
    }));
  },
  async fetch() {
    return Promise.all(Array.from({ length: many }, async () => {
      for (; !over; count++) await (await fetch(url)).text();
    }));
  },
  async 'node-http'() {
    const { Agent, get } = await import('node:http');
    const agent = new Agent({ keepAlive: true, maxSockets: many });
    const one = () => new Promise((resolve, reject) => {
      get(url, { agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk)).on('end', () => resolve(text));
      }).on('error', reject);
    });
    return Promise.all(Array.from({ length: many }, async () => {
      for (; !over; count++) await one();
    }));
  },
};

const done = SUBJECTS[subject]();
const http2 = subject.endsWith('http2');
await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
const before = { count, cpu: process.cpuUsage() };
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
const { user, system } = process.cpuUsage(before.cpu);
const value = (user + system) / (count - before.count);
const at = http2 ? { at: { streams: many } } : {};
console.log(JSON.stringify([{ subject, metric: http2 ? 'http2_request_cpu_us' : 'request_cpu_us', value, unit: 'us', ...at }]));
over = true;
await done;
process.exit(0);
