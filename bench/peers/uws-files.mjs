// uws-files.mjs PORT BINARY DIRECTORY: uWebSockets.js, which has no way to serve files: all of them kept in memory, and
// never looked at again.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [port, binary, directory] = process.argv.slice(2);
const uWS = createRequire(import.meta.url)(binary);
const files = new Map(readdirSync(directory).map((name) => [`/${name}`, readFileSync(join(directory, name))]));

uWS
  .App()
  .get('/*', (response, request) => {
    const body = files.get(request.getUrl());
    if (!body) return void response.writeStatus('404').end();
    response.writeHeader('Content-Type', 'application/octet-stream').end(body);
  })
  .listen('127.0.0.1', Number(port), (listening) => {
    if (!listening) throw new Error(`cannot listen on ${port}`);
  });
