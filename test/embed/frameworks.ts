/** Each framework with three routes whose handlers run in coroutines. */
import { createServer, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import { serve as serveHono } from '@hono/node-server';
import express from 'express';
// @ts-expect-error -- the types are those of version 5
import express4 from 'express-4';
import fastify, { type FastifyRequest } from 'fastify';
import { Hono, type Context, type Next } from 'hono';
import Koa from 'koa';

import { wait } from 'stackful';
import { coroutine } from 'stackful/embed';
import { serve } from 'stackful/http';
import { nest } from './nest.js';

/** What the three routes do; what `answer` returns is sent. */
export interface Routes {
  answer(path: string): string;
  fail(): never;
  hang(): string;
}

export interface Running {
  port: number;
  close(): Promise<void> | void;
  /** What the framework's own path for errors was given. */
  errors: unknown[];
}

async function listening(server: Server | Http2Server, errors: unknown[]): Promise<Running> {
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as { port: number };
  return { port, errors, close: () => { server.close(); } };
}

/** The route of a path. */
export function routed(routes: Routes, path: string): string {
  if (path === '/fail') routes.fail();
  return path === '/hang' ? routes.hang() : routes.answer(path);
}

type Express = (request: { url: string; originalUrl: string }, response: { send(text: string): void }, next: (error?: unknown) => void) => void;

/** What is the same in both versions. */
function expressApp(make: () => unknown, routes: Routes, errors: unknown[]): Parameters<typeof createServer>[1] {
  const app = make() as Parameters<typeof createServer>[1] & { use(...handlers: unknown[]): void; disable(name: string): void };
  app.use(coroutine<unknown, Parameters<Express>, void>((_request, _response, next) => { next(); }));
  app.use('/page', coroutine<unknown, Parameters<Express>, void>((request, response) => { response.send(routes.answer(request.originalUrl)); }));
  app.use(coroutine<unknown, Parameters<Express>, void>((request, response) => { response.send(routed(routes, request.url)); }));
  app.use(coroutine((error: Error, _request: unknown, response: { status(code: number): { send(text: string): void } }, _next: unknown) => {
    errors.push(error);
    response.status(500).send(error.message);
  }));
  return app;
}

function honoApp(routes: Routes, errors: unknown[]): Hono {
  const app = new Hono();
  app.onError((error, context) => {
    errors.push(error);
    return context.text(error.message, 500);
  });
  app.use(coroutine((_context: Context, next: Next) => { wait(next()); }));
  app.get('*', coroutine((context: Context) => context.text(routed(routes, context.req.path))));
  return app;
}

export const FRAMEWORKS: Readonly<Record<string, (routes: Routes) => Promise<Running>>> = {
  'node:http': (routes) => {
    const errors: unknown[] = [];
    const server = createServer((request, response) => {
      handle(request, response).catch((error: unknown) => {
        errors.push(error);
        response.writeHead(500).end((error as Error).message);
      });
    });
    const handle = coroutine((request: { url?: string }, response: { end(text: string): void }) => { response.end(routed(routes, request.url!)); });
    return listening(server, errors);
  },

  'node:http2': (routes) => {
    const errors: unknown[] = [];
    const handle = coroutine((request: { url: string }, response: { end(text: string): void }) => { response.end(routed(routes, request.url)); });
    return listening(createHttp2Server((request, response) => {
      handle(request, response).catch((error: unknown) => {
        errors.push(error);
        response.writeHead(500).end((error as Error).message);
      });
    }), errors);
  },

  'Express 5': (routes) => {
    const errors: unknown[] = [];
    return listening(createServer(expressApp(express, routes, errors)), errors);
  },

  'Express 4': (routes) => {
    const errors: unknown[] = [];
    return listening(createServer(expressApp(express4, routes, errors)), errors);
  },

  Fastify: async (routes) => {
    const errors: unknown[] = [];
    const app = fastify();
    app.setErrorHandler((error, _request, reply) => {
      errors.push(error);
      void reply.code(500).send((error as Error).message);
    });
    app.addHook('onRequest', coroutine((request: FastifyRequest) => { request.headers.seen = routes.answer('hook'); }));
    app.get('/*', coroutine((request: FastifyRequest) => routed(routes, request.url)));
    await app.listen({ port: 0, host: '127.0.0.1' });
    return { port: (app.server.address() as { port: number }).port, errors, close: () => app.close() };
  },

  Koa: (routes) => {
    const errors: unknown[] = [];
    const app = new Koa();
    app.on('error', (error) => { errors.push(error); });
    app.use(coroutine((_context: Koa.Context, next: Koa.Next) => { wait(next()); }));
    app.use(coroutine((context: Koa.Context) => { context.body = routed(routes, context.path); }));
    return listening(createServer((request, response) => { void app.callback()(request, response); }), errors);
  },

  Nest: nest,

  Hono: async (routes) => {
    const errors: unknown[] = [];
    const app = honoApp(routes, errors);
    const server = await new Promise<Server>((resolve) => {
      const made = serveHono({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', overrideGlobalObjects: false }, () => { resolve(made as Server); });
    });
    return { port: (server.address() as { port: number }).port, errors, close: () => { server.close(); } };
  },

  'Hono on serve': (routes) => {
    const errors: unknown[] = [];
    const app = honoApp(routes, errors);
    const server = serve((request) => app.fetch(request.toWeb()), { port: 0, host: '127.0.0.1' });
    return Promise.resolve({ port: server.port, errors, close: () => server.close().promise });
  },
};
