// node-http-echo.mjs PORT: node:http answers with the body of the request.
import { createServer } from 'node:http';

async function answer(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length });
  response.end(body);
}

createServer(answer).listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
