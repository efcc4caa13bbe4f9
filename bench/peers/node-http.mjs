// node-http.mjs PORT: what most Node servers are built on, with its defaults.
import { createServer } from 'node:http';

const body = 'Hello, World!\n';
const headers = { 'Content-Type': 'text/plain', 'Content-Length': body.length };

const server = createServer((request, response) => {
  response.writeHead(200, headers);
  response.end(body);
});
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
