// node-http-busy.mjs PORT: the same handler in node:http.
import { createServer } from 'node:http';
import { page } from '../support/page.mjs';

createServer((request, response) => {
  const body = page();
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}).listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
