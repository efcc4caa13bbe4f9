// node-http-gzip.mjs PORT: node:http answers with JSON of 20 KiB, which zlib compresses on its threads.
import { createServer } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { accountRows, LEVEL } from '../support/account-rows.mjs';

const compressed = promisify(gzip);

async function answer(request, response) {
  const body = JSON.stringify(accountRows());
  const headers = { 'Content-Type': 'application/json', Vary: 'Accept-Encoding' };
  if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
    response.writeHead(200, { ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body);
    return;
  }
  const bytes = await compressed(body, { level: LEVEL });
  response.writeHead(200, { ...headers, 'Content-Encoding': 'gzip', 'Content-Length': bytes.length }).end(bytes);
}

createServer(answer).listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
