/** OpenTelemetry through a framework: spans that coroutines of a request make are children of the request's. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import express from 'express';
import { afterAll, expect, it } from 'vitest';

import { sleep, spawn, wait } from 'stackful';
import { coroutine } from 'stackful/embed';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
trace.setGlobalTracerProvider(provider);
afterAll(() => {
  trace.disable();
  context.disable();
});
const tracer = trace.getTracer('test');

/** As instrumentation of a framework does it. */
function traced<R>(name: string, work: () => R): R {
  return tracer.startActiveSpan(name, (span) => {
    try {
      return work();
    } finally {
      span.end();
    }
  });
}

it('keeps the spans of requests that overlap apart', async () => {
  const app = express();
  app.use((request, response, next) => {
    tracer.startActiveSpan(`request ${request.path}`, (span) => {
      response.on('finish', () => { span.end(); });
      next();
    });
  });
  app.get('/:id', coroutine((request: express.Request<{ id: string }>, response: express.Response) => {
    const { id } = request.params;
    traced(`query ${id}`, () => { sleep(3); });
    const child = spawn(() => traced(`child ${id}`, () => (sleep(2), trace.getActiveSpan()!.spanContext().traceId)));
    const awaited = wait((async () => {
      await Promise.resolve();
      return trace.getActiveSpan()!.spanContext().traceId;
    })());
    response.json([child.join(), awaited]);
  }));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${String((server.address() as { port: number }).port)}`;
  const ids = ['a', 'b', 'c', 'd'];
  const answers = await Promise.all(ids.map(async (id) => (await (await fetch(`${url}/${id}`)).json()) as string[]));
  server.close();

  const spans = exporter.getFinishedSpans();
  for (const [i, id] of ids.entries()) {
    const request = spans.find(({ name }) => name === `request /${id}`)!;
    const { traceId, spanId } = request.spanContext();
    expect(answers[i]).toEqual([traceId, traceId]);
    for (const name of [`query ${id}`, `child ${id}`]) {
      expect(spans.find((span) => span.name === name)!.parentSpanContext).toMatchObject({ traceId, spanId });
    }
  }
  expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(ids.length);
});
