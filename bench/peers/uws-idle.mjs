// uws-idle.mjs PORT KIND BINARY [KEY CERT]: uWebSockets.js with the small answer, or messages sent back. It closes what has said
// nothing over HTTP for ten seconds.
import { createRequire } from 'node:module';

const [port, kind, binary, key, cert] = process.argv.slice(2);
const uWS = createRequire(import.meta.url)(binary);
const app = kind === 'tls' ? uWS.SSLApp({ key_file_name: key, cert_file_name: cert }) : uWS.App();
if (kind === 'websocket') {
  app.ws('/*', {
    compression: 0,
    idleTimeout: 0,
    message: (socket, message, isBinary) => { socket.send(message, isBinary); },
  });
} else {
  app.get('/', (response) => { response.writeHeader('Content-Type', 'text/plain').end('Hello, World!\n'); });
}
app.listen('127.0.0.1', Number(port), (listening) => {
  if (!listening) throw new Error(`cannot listen on ${port}`);
});
