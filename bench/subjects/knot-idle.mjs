// knot-idle.mjs PORT KIND [KEY CERT]: the small answer, or messages sent back; connections that say nothing stay. KIND: plain, tls,
// http2 (with prior knowledge) or websocket.
import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { serve } from 'stackful/http';

const [port, kind, key, cert] = process.argv.slice(2);
const echo = (request) => {
  const socket = request.upgrade();
  for (let message = socket.receive(); message !== null; message = socket.receive()) socket.send(message);
};
serve(kind === 'websocket' ? echo : () => 'Hello, World!\n', {
  port: Number(port),
  host: '127.0.0.1',
  backlog: 4096,
  limits: { idleMs: 3_600_000 },
  onError: () => undefined,
  ...(kind === 'http2' && { http2: true }),
  ...(kind === 'tls' && {
    tls: { key: readFileSync(key), cert: readFileSync(cert), minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET },
  }),
});
