// node-https.mjs PORT KEY CERT: node:https over TLS 1.3, without resumption; idle connections stay. SIGUSR2: collects garbage.
import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const [port, key, cert] = process.argv.slice(2);
setFlagsFromString('--expose-gc');
process.on('SIGUSR2', runInNewContext('gc'));
const body = 'Hello, World!\n';
const headers = { 'Content-Type': 'text/plain', 'Content-Length': body.length };

const secure = { minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET };
const options = { key: readFileSync(key), cert: readFileSync(cert), keepAliveTimeout: 3_600_000, ...secure };
const server = createServer(options, (request, response) => {
  response.writeHead(200, headers);
  response.end(body);
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
