// uws.mjs PORT BINARY: uWebSockets.js, a C++ server with a JavaScript handler.
import { createRequire } from 'node:module';

// The binary itself, because the package's entry falls back to plain JavaScript without failing.
const uWS = createRequire(import.meta.url)(process.argv[3]);

const port = Number(process.argv[2]);
const body = 'Hello, World!\n';

uWS
  .App()
  .get('/', (response) => {
    response.writeHeader('Content-Type', 'text/plain').end(body);
  })
  .listen('127.0.0.1', port, (listening) => {
    if (!listening) throw new Error(`cannot listen on ${port}`);
  });
