import { methodOfSpan, openTelemetry, recordError, tracer } from '../opentelemetry.js';
import { versionOf, type Answer, type Order } from './exchange.js';
import { linesOf, type HeaderMap } from './lines.js';
import type { Request } from './redirect.js';

const END_OF_LINE = '\r\n';

/**
 * Sends a request within a span of its own, whose context goes along in headers (`traceparent`) that it does not have yet. Every repetition
 * and every redirect has one. Parks; throws what `send` throws.
 *
 * @param count how often the request was sent before
 */
export function traced(request: Request, order: Order, count: number, send: (order: Order) => Answer): Answer {
  const { context, propagation, SpanKind, SpanStatusCode, trace } = openTelemetry();
  const { origin, href } = request.target;
  const { name, attributes } = methodOfSpan(request.method);
  const span = tracer().startSpan(name, {
    kind: SpanKind.CLIENT,
    attributes: {
      ...attributes,
      'url.full': href,
      'server.address': origin.socketPath ?? origin.hostname,
      ...(origin.socketPath === undefined && { 'server.port': origin.port }),
      ...(count > 0 && { 'http.request.resend_count': count }),
    },
  });
  const active = trace.setSpan(context.active(), span);
  const added: HeaderMap = new Map();
  propagation.inject(active, added, {
    set(map, key, value) {
      if (!request.headers.has(key.toLowerCase())) map.set(key.toLowerCase(), { name: key, values: [value] });
    },
  });
  try {
    // The head ends with an empty line.
    const head = `${order.head.slice(0, -END_OF_LINE.length)}${linesOf(added)}${END_OF_LINE}`;
    const answer = context.with(active, () => send({ ...order, head }));
    const { status, flags } = answer;
    const version = versionOf(flags);
    span.setAttributes({ 'http.response.status_code': status, 'network.protocol.version': version === '2.0' ? '2' : version });
    if (status >= 400) {
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.setAttribute('error.type', String(status));
    }
    return answer;
  } catch (error) {
    recordError(span, error);
    throw error;
  } finally {
    span.end();
  }
}
