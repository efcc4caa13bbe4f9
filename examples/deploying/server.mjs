// A server of one's own behind a proxy: nginx.conf and haproxy.cfg beside this file pass requests on to it.
//
//   npm install stackful proxy-addr && HOST=127.0.0.1 PORT=8080 node server.mjs
import proxyaddr from 'proxy-addr';
import { router, serve } from 'stackful/http';
import { notifySystemd } from 'stackful/net';

/** What these say of a client is believed. Anybody else could write X-Forwarded-For, too. */
const isTrusted = proxyaddr.compile((process.env.TRUSTED ?? 'loopback,uniquelocal').split(','));

/** The address of the client that asked the outermost trusted proxy. */
function clientOf({ remoteAddress, headers }) {
  const forwarded = headers.get('x-forwarded-for');
  return proxyaddr({ socket: { remoteAddress }, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } }, isTrusted);
}

/** The origin that the client used: for redirects and links. */
function originOf({ remoteAddress, headers, tls }) {
  const through = isTrusted(remoteAddress, 0);
  const scheme = (through && headers.get('x-forwarded-proto')) || (tls ? 'https' : 'http');
  const host = (through && headers.get('x-forwarded-host')) || headers.get('host');
  return `${scheme}://${host}`;
}

const routes = router()
  .get('/', (request) => ({ client: clientOf(request), origin: originOf(request), peerPort: request.remotePort, pid: process.pid }))
  .get('/health', () => 'ok\n')
  .post('/size', (request) => ({ bytes: request.readBody().length }))
  .get('/echo', (request) => {
    const socket = request.upgrade();
    for (const message of socket) socket.send(message);
  });

const server = serve(routes, { host: process.env.HOST ?? '127.0.0.1', port: Number(process.env.PORT ?? 8080), reusePort: true });
console.log(`serves on port ${server.port}`);
notifySystemd('READY=1');

process.once('SIGTERM', async () => {
  notifySystemd('STOPPING=1');
  // Connections that proxies keep may still send a request for as long as `idle`; its response says that they are to end.
  await server.close({ deadline: 10_000, idle: 1000 });
});
