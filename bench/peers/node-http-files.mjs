// node-http-files.mjs PORT DIRECTORY: node:http with an async handler that reads the file for each request.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';

const [port, directory] = process.argv.slice(2);

async function answer(request, response) {
  try {
    const body = await readFile(join(directory, normalize(request.url)));
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}

createServer({ keepAliveTimeout: 60_000 }, answer).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
