// node-idle.mjs PORT KIND [KEY CERT]: node:http, node:https or node:http2 with the small answer; connections that say nothing stay.
import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';

const [port, kind, key, cert] = process.argv.slice(2);
const body = 'Hello, World!\n';
const answer = (request, response) => {
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': body.length });
  response.end(body);
};
const kept = { keepAliveTimeout: 3_600_000 };
const servers = {
  plain: () => createServer(kept, answer),
  tls: () => {
    const secure = { minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET };
    return createHttpsServer({ key: readFileSync(key), cert: readFileSync(cert), ...secure, ...kept }, answer);
  },
  http2: () =>
    createHttp2Server()
      .on('sessionError', () => {})
      .on('stream', (stream) => {
        stream.on('error', () => {});
        stream.respond({ ':status': 200, 'content-type': 'text/plain', 'content-length': body.length });
        stream.end(body);
      }),
};
servers[kind]().listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
