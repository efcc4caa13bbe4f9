/* global Bun, Response */
// bun-https.mjs PORT KEY CERT: for Bun, its own server over TLS, without resumption. SIGUSR2: collects garbage.
const [port, key, cert] = process.argv.slice(2);
process.on('SIGUSR2', () => Bun.gc(true));
Bun.serve({
  port: Number(port),
  hostname: '127.0.0.1',
  idleTimeout: 255,
  tls: { key: Bun.file(key), cert: Bun.file(cert), secureOptions: 0x4000 /* SSL_OP_NO_TICKET */ },
  fetch: () => new Response('Hello, World!\n', { headers: { 'Content-Type': 'text/plain' } }),
});
