// uws-echo.mjs PORT BINARY: uWebSockets.js answers with the body of the request.
import { createRequire } from 'node:module';

const uWS = createRequire(import.meta.url)(process.argv[3]);
const port = Number(process.argv[2]);

uWS
  .App()
  .post('/*', (response) => {
    // The chunk is only lent: what came before the last one has to be copied.
    let before;
    response.onAborted(() => undefined);
    response.onData((chunk, isLast) => {
      const part = Buffer.from(chunk);
      if (!isLast) {
        before = Buffer.concat(before ? [before, part] : [part]);
        return;
      }
      response.writeHeader('Content-Type', 'application/octet-stream');
      response.end(before ? Buffer.concat([before, part]) : part);
    });
  })
  .listen('127.0.0.1', port, (listening) => {
    if (!listening) throw new Error(`cannot listen on ${port}`);
  });
