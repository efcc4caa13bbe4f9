// node-http2.mjs PORT [KEY CERT]: node:http2, by its own streams, which cost less than requests and responses made of them.
import { readFileSync } from 'node:fs';
import { createSecureServer, createServer } from 'node:http2';

const [port, key, cert] = process.argv.slice(2);
const body = 'Hello, World!\n';
const headers = { ':status': 200, 'content-type': 'text/plain; charset=utf-8', 'content-length': body.length };
const server = key ? createSecureServer({ key: readFileSync(key), cert: readFileSync(cert), minVersion: 'TLSv1.3' }) : createServer();
server.on('stream', (stream) => {
  stream.on('error', () => {});
  stream.respond(headers);
  stream.end(body);
});
server.on('sessionError', () => {});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
