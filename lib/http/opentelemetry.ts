import { createRequire } from 'node:module';
import type * as Api from '@opentelemetry/api';

import { native } from '../internal/native.js';

export type OpenTelemetry = typeof Api;

let loaded: OpenTelemetry | undefined;

/**
 * The package `@opentelemetry/api`, which the program installs, since all its parts share it. It is loaded at the first use.
 *
 * @throws Error (`ERR_OPENTELEMETRY_MISSING`)
 */
export function openTelemetry(): OpenTelemetry {
  try {
    return (loaded ??= createRequire(import.meta.url)('@opentelemetry/api') as OpenTelemetry);
  } catch (cause) {
    const message = 'tracing needs the package @opentelemetry/api: npm install @opentelemetry/api';
    throw Object.assign(new Error(message, { cause }), { code: 'ERR_OPENTELEMETRY_MISSING' });
  }
}

/** Of the provider that the program has set, or sets later. */
export function tracer(): Api.Tracer {
  return openTelemetry().trace.getTracer('stackful', native.version);
}

/** The methods that have a name in spans; anything else could be invented without end. */
const METHODS = new Set(['CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'QUERY', 'TRACE']);

/** The name of a span begins with it, and the attributes of the method. */
export function methodOfSpan(method: string): { readonly name: string; readonly attributes: Record<string, string> } {
  if (METHODS.has(method)) return { name: method, attributes: { 'http.request.method': method } };
  return { name: 'HTTP', attributes: { 'http.request.method': '_OTHER', 'http.request.method_original': method } };
}

/** Of the attribute `error.type`. */
export function typeOfError(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : typeof name === 'string' ? name : '_OTHER';
}

/** Marks a span as failed by what was thrown. */
export function recordError(span: Api.Span, error: unknown): void {
  span.recordException(error instanceof Error ? error : String(error));
  span.setStatus({ code: openTelemetry().SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
  span.setAttribute('error.type', typeOfError(error));
}
