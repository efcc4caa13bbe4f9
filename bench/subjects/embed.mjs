// embed.mjs PORT FRAMEWORK KIND: a framework's server with one handler that waits for one promise, an async function or a coroutine.
import { createServer } from 'node:http';
import express from 'express';
import fastify from 'fastify';
import { wait } from 'stackful';
import { coroutine } from 'stackful/embed';

const [port, framework, kind] = process.argv.slice(2);
const BODY = 'Hello, World!\n';
/** What a query of a database is to its caller. */
const query = () => new Promise((resolve) => { setImmediate(resolve, BODY); });

const handler = {
  async: async (request, response) => { response.send(await query()); },
  coroutine: coroutine((request, response) => { response.send(wait(query())); }),
}[kind];

const servers = {
  express() {
    const app = express();
    app.disable('x-powered-by').disable('etag');
    app.get('/', (_request, response, next) => {
      response.type('text/plain');
      next();
    }, handler);
    createServer(app).listen(Number(port), '127.0.0.1');
  },
  fastify() {
    const app = fastify();
    app.get('/', handler);
    app.listen({ port: Number(port), host: '127.0.0.1' });
  },
};
servers[framework]();
