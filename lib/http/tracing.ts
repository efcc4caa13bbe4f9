import type { Attributes, Span } from '@opentelemetry/api';

import { functionOf, invalidType } from '../internal/arguments.js';
import { HttpError, tellsOfDeparture } from './errors.js';
import type { Handler } from './exchange.js';
import { refuseUnknown } from './known.js';
import { methodOfSpan, openTelemetry, recordError, tracer } from './opentelemetry.js';
import { answered, type Outcome } from './outcome.js';
import type { Request } from './request.js';

/** The options of {@link tracing}. */
export interface TracingOptions {
  /** Requests that have no span, such as those of health checks. Default: all have one. */
  ignore?: (request: Request) => boolean;
}

const KNOWN = ['ignore'] as const satisfies (keyof TracingOptions)[];

/** `Host` in its parts; the port may be missing. */
const HOST = /^(\[[^\]]+\]|[^:]*)(?::(\d+))?$/;

function attributesOf(request: Request): Attributes {
  const { target, headers, httpVersion, clientAddress, remoteAddress, remotePort } = request;
  const [path, query] = target.startsWith('/') ? target.split(/\?(.*)/s, 2) : [];
  const [, host, port] = HOST.exec(headers.get('host') ?? '') ?? [];
  const agent = headers.get('user-agent');
  return {
    ...methodOfSpan(request.method).attributes,
    'url.scheme': request.tls ? 'https' : 'http',
    ...(path !== undefined && { 'url.path': path }),
    ...(query && { 'url.query': query }),
    ...(host && { 'server.address': host.replace(/^\[|\]$/g, '') }),
    ...(host && port && { 'server.port': Number(port) }),
    'network.protocol.version': httpVersion === '2.0' ? '2' : httpVersion,
    // Of a Unix socket there is none.
    ...(remotePort !== 0 && { 'client.address': clientAddress, 'network.peer.address': remoteAddress, 'network.peer.port': remotePort }),
    ...(agent !== undefined && { 'user_agent.original': agent }),
  };
}

/** Completes the span by what came out, and ends it. */
function finish(span: Span, request: Request, { status, error }: Outcome): void {
  const { route } = request;
  if (route !== undefined) {
    span.updateName(`${methodOfSpan(request.method).name} ${route}`);
    span.setAttribute('http.route', route);
  }
  span.setAttribute('http.response.status_code', status);
  // An HttpError is an answer; that the client has left is no failure of the server.
  if (error !== undefined && !(error instanceof HttpError) && !tellsOfDeparture(error)) {
    recordError(span, error);
  } else if (status >= 500) {
    span.setStatus({ code: openTelemetry().SpanStatusCode.ERROR });
    span.setAttribute('error.type', String(status));
  }
  span.end();
}

/**
 * A function around handlers that makes a span of OpenTelemetry for each request, by the semantic conventions for HTTP: method, path, route
 * of a `router`, status, client. It continues the trace of the request's `traceparent`. While the handler runs, and while it makes the
 * parts of a body, the span is the active one, also after a park and in coroutines that it spawns. The span ends with the response's
 * last part. What the handler throws is recorded; an `HttpError` is an answer, and an error from status 500 on.
 *
 * The program installs `@opentelemetry/api` and sets up its SDK, with a context manager over `AsyncLocalStorage`. Without an SDK nothing is
 * recorded. {@link ClientOptions} of `stackful/http/client` have `tracing` for the requests that it sends.
 *
 * @throws Error (`ERR_OPENTELEMETRY_MISSING`) when `@opentelemetry/api` is not installed; TypeError (`ERR_INVALID_ARG_TYPE`,
 *   `ERR_UNKNOWN_OPTION`)
 *
 * @example
 * ```ts
 * import { trace } from '@opentelemetry/api';
 * import { serve, tracing } from 'stackful/http';
 *
 * const traced = tracing({ ignore: (request) => request.path === '/health' });
 * const server = serve(traced(() => {
 *   trace.getActiveSpan()?.setAttribute('app.user', 'Ada');
 *   return 'hello';
 * }), { host: '127.0.0.1' });
 * console.log(await (await fetch(`http://127.0.0.1:${server.port}/`)).text()); // hello
 * await server.close();
 * ```
 */
export function tracing(options: TracingOptions = {}): (next: Handler) => Handler {
  if (typeof options !== 'object' || options as unknown === null) throw invalidType('options', 'an object', options);
  refuseUnknown('options', options, KNOWN);
  const { ignore } = options;
  if (ignore !== undefined) functionOf('options.ignore', ignore);
  const { context, propagation, SpanKind, trace } = openTelemetry();
  const getter = {
    get: (request: Request, name: string) => request.headers.get(name),
    keys: (request: Request) => Object.keys(request.headers.toObject()),
  };
  return (next) => (request) => {
    if (ignore?.(request)) return next(request);
    const parent = propagation.extract(context.active(), request, getter);
    const { name } = methodOfSpan(request.method);
    const span = tracer().startSpan(name, { kind: SpanKind.SERVER, attributes: attributesOf(request) }, parent);
    const active = trace.setSpan(parent, span);
    return answered(next, request, (outcome) => { finish(span, request, outcome); }, (work) => context.with(active, work));
  };
}
