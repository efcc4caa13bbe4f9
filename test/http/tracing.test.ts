/** OpenTelemetry, with the SDK's own processor, context manager and propagator. */
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

import { sleep, spawn } from 'stackful';
import { HttpError, json, router, serve, tracing, type Handler, type Server, type ServeOptions } from 'stackful/http';
import { Client, request } from 'stackful/http/client';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(provider);
afterAll(() => {
  for (const api of [trace, context, propagation]) api.disable();
});

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ deadline: 0 });
  exporter.reset();
});

function serveTraced(handler: Handler, options: ServeOptions = {}): string {
  const server = serve(tracing()(handler), { host: '127.0.0.1', onError: () => undefined, ...options });
  servers.push(server);
  return `http://127.0.0.1:${String(server.port)}`;
}

/** The spans that have ended, once there are so many. */
async function spans(count: number): Promise<ReadableSpan[]> {
  for (;;) {
    const all = exporter.getFinishedSpans();
    if (all.length >= count) return all;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const traceparent = `00-${TRACE}-${PARENT}-01`;
const idOf = () => trace.getActiveSpan()?.spanContext().spanId;

describe('tracing', () => {
  it('makes a span with the attributes of the semantic conventions, in the trace of the client', async () => {
    const routes = router().get('/users/:id', () => 'Ada');
    const url = serveTraced(routes);
    await (await fetch(`${url}/users/7?full=1`, { headers: { traceparent, 'user-agent': 'test/1' } })).text();
    const [span] = await spans(1);
    expect(span!.name).toBe('GET /users/:id');
    expect(span!.kind).toBe(SpanKind.SERVER);
    expect(span!.spanContext().traceId).toBe(TRACE);
    expect(span!.parentSpanContext).toMatchObject({ spanId: PARENT, isRemote: true });
    expect(span!.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.route': '/users/:id',
      'http.response.status_code': 200,
      'url.path': '/users/7',
      'url.query': 'full=1',
      'url.scheme': 'http',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(url).port),
      'network.protocol.version': '1.1',
      'client.address': '127.0.0.1',
      'network.peer.address': '127.0.0.1',
      'user_agent.original': 'test/1',
    });
    expect(typeof span!.attributes['network.peer.port']).toBe('number');
    expect(span!.status.code).toBe(SpanStatusCode.UNSET);
    expect(span!.instrumentationScope.name).toBe('stackful');
  });

  it('keeps the span active across parks, in coroutines and in parts of a body, apart from those of other requests', async () => {
    const url = serveTraced((incoming) => {
      const id = idOf()!;
      sleep(Number(incoming.query.get('ms')));
      const seen = [idOf(), spawn(() => (sleep(1), idOf())).join()];
      return {
        body: (function* parts() {
          for (const one of [...seen, idOf()]) {
            sleep(1);
            yield `${one === id ? 'same' : 'other'} `;
          }
          yield idOf() === id ? 'same' : 'other';
        })(),
      };
    });
    const answers = await Promise.all([5, 1, 3].map(async (ms) => (await fetch(`${url}/?ms=${String(ms)}`)).text()));
    expect(answers).toEqual(Array.from({ length: 3 }, () => 'same same same same'));
    expect(new Set((await spans(3)).map((span) => span.spanContext().traceId)).size).toBe(3);
    expect(idOf()).toBeUndefined();
  });

  it('records what the handler throws, and not an HttpError', async () => {
    const url = serveTraced((incoming) => {
      if (incoming.path === '/gone') throw new HttpError(410, 'gone');
      if (incoming.path === '/down') throw new HttpError(503, 'down');
      if (incoming.path === '/async') return Promise.reject(new RangeError('later'));
      throw Object.assign(new Error('broken'), { code: 'ERR_BROKEN' });
    });
    for (const path of ['/broken', '/gone', '/down', '/async']) await (await fetch(url + path)).text();
    const [broken, gone, down, later] = await spans(4);
    expect(broken!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'broken' });
    expect(broken!.attributes).toMatchObject({ 'http.response.status_code': 500, 'error.type': 'ERR_BROKEN' });
    expect(broken!.events[0]).toMatchObject({ name: 'exception', attributes: { 'exception.message': 'broken' } });
    expect(gone!.status.code).toBe(SpanStatusCode.UNSET);
    expect([gone!.attributes['http.response.status_code'], gone!.events.length]).toEqual([410, 0]);
    expect(down!.status.code).toBe(SpanStatusCode.ERROR);
    expect(down!.attributes['error.type']).toBe('503');
    expect(later!.attributes['error.type']).toBe('RangeError');
  });

  it('records what the source of a body throws, ends the span when the client leaves, and ends sources', async () => {
    let ended = 0;
    const url = serveTraced((incoming) => ({
      body: (function* parts() {
        try {
          for (let i = 0; ; i++) {
            if (incoming.path === '/fails' && i === 2) throw new Error('in the middle');
            sleep(1);
            yield 'x'.repeat(10_000);
          }
        } finally {
          ended++;
        }
      })(),
    }));
    await fetch(`${url}/fails`).then((response) => response.text()).catch(() => undefined);
    const [failed] = await spans(1);
    expect(failed!.status).toEqual({ code: SpanStatusCode.ERROR, message: 'in the middle' });
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /endless HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.once('data', () => { socket.resetAndDestroy(); });
    const [, left] = await spans(2);
    expect([left!.status.code, left!.events.length, left!.attributes['url.path']]).toEqual([SpanStatusCode.UNSET, 0, '/endless']);
    expect(ended).toBe(2);
  });

  it('names no invented methods, and leaves out what it is told to', async () => {
    const server = serve(tracing({ ignore: ({ path }) => path === '/health' })(() => 'ok'), { host: '127.0.0.1' });
    servers.push(server);
    const url = `http://127.0.0.1:${String(server.port)}`;
    await (await fetch(`${url}/health`)).text();
    await (await fetch(url, { method: 'BREW' })).text();
    const all = await spans(1);
    expect(all.map(({ name }) => name)).toEqual(['HTTP']);
    expect(all[0]!.attributes).toMatchObject({ 'http.request.method': '_OTHER', 'http.request.method_original': 'BREW' });
  });

  it('refuses wrong options', () => {
    expect(() => tracing({ ignored: 1 } as never)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }));
    expect(() => tracing({ ignore: 1 } as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    expect(() => new Client({ tracing: 1 } as never)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
  });
});

describe('tracing of the client', () => {
  it('makes a span within the active one, and sends its context along', async () => {
    const inner = serveTraced((incoming) => json({ got: incoming.headers.get('traceparent') }));
    const outer = serveTraced(() => request(`${inner}/inner`, { tracing: true }).json() as object);
    const { got } = (await (await fetch(`${outer}/outer`, { headers: { traceparent } })).json()) as { got: string };
    const all = await spans(3);
    const at = (kind: SpanKind, path: string) => all.find((span) => span.kind === kind && JSON.stringify(span.attributes).includes(path))!;
    const client = at(SpanKind.CLIENT, '/inner');
    expect(got).toBe(`00-${TRACE}-${client.spanContext().spanId}-01`);
    expect(client.parentSpanContext?.spanId).toBe(at(SpanKind.SERVER, '/outer').spanContext().spanId);
    expect(at(SpanKind.SERVER, '/inner').parentSpanContext?.spanId).toBe(client.spanContext().spanId);
    expect(client.name).toBe('GET');
    expect(client.attributes).toMatchObject({
      'http.request.method': 'GET',
      'url.full': `${inner}/inner`,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(inner).port),
      'http.response.status_code': 200,
      'network.protocol.version': '1.1',
    });
  });

  it('names HTTP/2 as the conventions have it', async () => {
    const url = serveTraced(() => 'here', { http2: true });
    using client = new Client({ tracing: true, http2: 'prior-knowledge' });
    expect(await spawn(() => client.request(url).text())).toBe('here');
    const all = await spans(2);
    expect(all.map(({ attributes }) => attributes['network.protocol.version'])).toEqual(['2', '2']);
  });

  it('has a span for each repetition and redirect, and records failures', async () => {
    let asked = 0;
    const server = serve((incoming) => {
      if (incoming.path === '/moved') return { status: 302, headers: { Location: '/new' } };
      if (incoming.path === '/flaky') return { status: asked++ === 0 ? 503 : 200 };
      return incoming.path === '/new' ? incoming.headers.get('traceparent')! : { status: 404 };
    }, { host: '127.0.0.1' });
    servers.push(server);
    using client = new Client({ origin: `http://127.0.0.1:${String(server.port)}`, tracing: true, redirects: 1 });
    await spawn(() => {
      const text = client.request('/moved').text();
      const [moved, followed] = exporter.getFinishedSpans();
      expect([moved!.attributes['http.response.status_code'], followed!.attributes['http.response.status_code']]).toEqual([302, 200]);
      expect(text).toContain(followed!.spanContext().spanId);
      exporter.reset();
      client.request('/flaky', { retries: { limit: 1, delay: 1 } }).text();
      client.request('/none').text();
      const [first, second, none] = exporter.getFinishedSpans();
      expect(first!.status.code).toBe(SpanStatusCode.ERROR);
      expect([first!.attributes['error.type'], second!.attributes['http.request.resend_count']]).toEqual(['503', 1]);
      expect([none!.attributes['error.type'], none!.status.code]).toEqual(['404', SpanStatusCode.ERROR]);
      exporter.reset();
      // A context of the caller's own stays.
      expect(client.request('/new', { headers: { traceparent } }).text()).toBe(traceparent);
      exporter.reset();
      expect(() => request('http://127.0.0.1:1/', { tracing: true })).toThrow(/ECONNREFUSED/);
      expect(exporter.getFinishedSpans()[0]!.attributes['error.type']).toBe('ECONNREFUSED');
      exporter.reset();
      client.request('/new', { tracing: false }).text();
      expect(exporter.getFinishedSpans()).toEqual([]);
    });
  });
});

it('loads @opentelemetry/api only when it is used, and says what is missing', () => {
  const program = `
    import Module, { createRequire } from 'node:module';
    const load = Module._load;
    Module._load = (name, ...rest) => {
      if (name === '@opentelemetry/api') throw new Error('there is no such package');
      return load(name, ...rest);
    };
    const { serve, tracing } = await import('stackful/http');
    const server = serve(() => 'ok', { host: '127.0.0.1' });
    await (await fetch('http://127.0.0.1:' + server.port)).text();
    await server.close();
    try { tracing(); } catch (error) { console.log(error.code, error.message); }
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  expect(stdout + stderr).toBe('ERR_OPENTELEMETRY_MISSING tracing needs the package @opentelemetry/api: npm install @opentelemetry/api\n');
});
