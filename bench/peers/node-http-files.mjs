// node-http-files.mjs PORT DIRECTORY: node:http with an async handler that reads the file for each request.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';

const [port, directory] = process.argv.slice(2);

/** With more files open at once than this, thousands of clients would use up the descriptors. */
const MOST_READING = 1000;
const waiting = [];
let reading = 0;

async function read(path) {
  if (reading === MOST_READING) await new Promise((resolve) => waiting.push(resolve));
  else reading++;
  try {
    return await readFile(path);
  } finally {
    const next = waiting.shift();
    if (next) next();
    else reading--;
  }
}

async function answer(request, response) {
  try {
    const body = await read(join(directory, normalize(request.url)));
    response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
}

createServer({ keepAliveTimeout: 60_000 }, answer).listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
