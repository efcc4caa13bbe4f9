import type { Socket } from '../net/socket.js';
import { readChunks, readWhole } from './body.js';
import type { UpgradeOptions } from '../websocket/accept.js';
import type { Carrier } from '../websocket/carrier.js';
import type { WebSocket } from '../websocket/websocket.js';
import { ClientLeftError, HttpError } from './errors.js';
import { fieldsOf, type ResponseHeaders } from './fields.js';
import type { FormPart } from './form_part.js';
import type { Successor } from './hand_over.js';
import { bodyLimit } from './limits.js';
import { formDataOf, partsOf, type FormLimits } from './multipart.js';
import {
  HEAD_BODY,
  httpBodyLength,
  httpClientLeft,
  httpEarlyHints,
  httpFileHints,
  httpHeaderBlock,
  httpHeaders,
  httpLimitBody,
  httpTakeBody,
} from './native.js';
import { RequestHead } from './request_head.js';
import { upgrade } from './upgrade.js';
import { webRequestOf } from './web_request.js';

/**
 * One request. Its properties are read from the connection's memory at first use, which is possible until the response has
 * been sent. Afterwards properties that were read before stay; the others throw `ERR_HTTP_REQUEST_OVER`.
 *
 * @example
 * ```ts
 * import { serve } from 'stackful/http';
 *
 * const server = serve((request) => {
 *   const body = request.json() as { name: string }; // parks until the body is there
 *   return `${request.method} ${request.path}: ${body.name}`;
 * }, { host: '127.0.0.1' });
 * const url = `http://127.0.0.1:${server.port}/users`;
 * const response = await fetch(url, { method: 'POST', body: JSON.stringify({ name: 'Ada' }) });
 * console.log(await response.text()); // POST /users: Ada
 * await server.close();
 * ```
 */
export class Request extends RequestHead {
  /**
   * A signal that is aborted with a {@link ClientLeftError} when the client leaves: its connection was reset, or it has sent
   * the end of its stream (a client that has only half-closed still gets its response, see `limits.halfClose`). It is also
   * aborted when the server's `close` cancels the handler, and never after the response has been sent.
   */
  get signal(): AbortSignal {
    const known = this.known?.controller;
    if (known) return known.signal;
    const number = this.live('the signal');
    const controller = (this.details.controller = new AbortController());
    if (httpClientLeft(number)) controller.abort(new ClientLeftError());
    else this.connection.watch(this);
    return controller.signal;
  }

  /** Aborts its signal, unless the request is over. @internal */
  abort(reason: unknown): void {
    if (this.number >= 0) this.known?.controller?.abort(reason);
  }

  /** Begins it as a unit of work, for admission, unless that has happened. False: it is refused. Parks. @internal */
  admit(route: string): boolean {
    return this.connection.admit(route);
  }

  /** Whether the request has a body; an empty one in chunks counts. */
  get hasBody(): boolean {
    return (this.head & HEAD_BODY) !== 0;
  }

  /**
   * The whole body. Parks. The request keeps it: further calls, `text` and `json` use the same bytes.
   *
   * @param max the most bytes to accept, instead of the server's `limits.bodyBytes`
   * @throws HttpError `ERR_HTTP_BODY_TOO_LARGE`, `ERR_HTTP_BODY_MALFORMED`, `ERR_HTTP_BODY_TIMEOUT`,
   *   `ERR_HTTP_BODY_ABORTED`; Error `ERR_HTTP_BODY_IN_USE` when another coroutine reads it or it was read in chunks
   */
  readBody(max?: number): Buffer {
    const details = this.details;
    if (details.body) return details.body;
    const number = this.takeBody(max);
    return (details.body = httpTakeBody(number) ?? readWhole(this.connection, httpBodyLength(number)));
  }

  /** The whole body as UTF-8. Parks; throws as `readBody` does. */
  text(max?: number): string {
    return this.readBody(max).toString('utf8');
  }

  /** The whole body parsed as JSON. Parks; throws as `readBody` does, and `ERR_HTTP_BODY_NOT_JSON`. */
  json(max?: number): unknown {
    const text = this.text(max);
    try {
      return JSON.parse(text) as unknown;
    } catch (cause) {
      throw new HttpError(400, 'the body is not JSON', { code: 'ERR_HTTP_BODY_NOT_JSON', cause });
    }
  }

  /** The body in pieces, as it arrives. Each step parks; throws as `readBody` does. */
  chunks(max?: number): Generator<Buffer, void, undefined> {
    this.takeBody(max);
    return readChunks(this.connection, () => this.live('the body'));
  }

  /** `for (const chunk of request)`: the same as `chunks()`. */
  [Symbol.iterator](): Generator<Buffer, void, undefined> {
    return this.chunks();
  }

  /**
   * The parts of a `multipart/form-data` body, fields and files, as they arrive. Each step parks. The package `@fastify/busboy` reads them.
   *
   * @throws HttpError `ERR_HTTP_BODY_NOT_FORM` (415), `ERR_HTTP_BODY_TOO_LARGE` (413) beyond a limit, `ERR_HTTP_BODY_MALFORMED` (400);
   *   as `readBody` does
   */
  parts(limits: FormLimits = {}): Generator<FormPart, void, undefined> {
    return partsOf(this, limits);
  }

  /**
   * A whole form in memory, sent as `multipart/form-data` or as `application/x-www-form-urlencoded`. Parks; throws as `parts` does. For
   * large files use `parts`.
   */
  formData(limits: FormLimits = {}): FormData {
    return formDataOf(this, limits);
  }

  /**
   * The request as in `fetch`, for frameworks that take those: `serve((request) => app.fetch(request.toWeb()))`. Its URL has the host
   * of the `Host` header, or `localhost`; its signal is this request's; its body is read from the connection when the framework
   * reads it, which counts as `chunks()`. The same object each time. Never parks.
   *
   * @throws HttpError (`ERR_HTTP_INVALID_TARGET`) of status 400 when target and `Host` make no URL; 501 (`ERR_HTTP_METHOD`) for a
   *   method that `fetch` does not have, such as `TRACE`; Error `ERR_HTTP_BODY_IN_USE` when the body was read before
   *
   * @example
   * ```ts
   * import { Hono } from 'hono';
   * import { sleep } from 'stackful';
   * import { coroutine } from 'stackful/embed';
   * import { serve } from 'stackful/http';
   *
   * const app = new Hono();
   * app.get('/users/:name', coroutine((context) => {
   *   sleep(1); // a query, another service
   *   return context.json({ name: context.req.param('name') });
   * }));
   * const server = serve((request) => app.fetch(request.toWeb()), { host: '127.0.0.1' });
   * console.log(await (await fetch(`http://127.0.0.1:${server.port}/users/Ada`)).text()); // {"name":"Ada"}
   * await server.close();
   * ```
   */
  toWeb(): globalThis.Request {
    this.live('the request');
    return (this.details.web ??= webRequestOf(this));
  }

  /**
   * Tells the client, before the response, what it will need: a 103 with these headers, mostly `Link` with `rel=preload`. A client of
   * HTTP/1.0 gets none. Parks while the client does not read.
   *
   * @throws as for headers of a response
   */
  earlyHints(headers: ResponseHeaders): void {
    httpEarlyHints(this.live('the request'), fieldsOf(headers).lines);
  }

  /**
   * Makes a WebSocket of the connection, or of the stream of HTTP/2: the handler goes on as its coroutine, and what it returns is not
   * sent. When it is done the socket is closed, with the code 1000, or 1011 when it has thrown; a server that closes sends 1001. Of the
   * request there remain method, target and path, and what was read before. Parks.
   *
   * @throws HttpError (`ERR_HTTP_NO_WEBSOCKET`) of status 426 when the request asks for no WebSocket, or for another version of it, and
   *   400 when it does not do that properly; HttpError (`ERR_HTTP_ORIGIN_REFUSED`) of status 403 when `origins` does not have the page's;
   *   Error `ERR_HTTP_CANNOT_HAND_OVER` when the request has an unread body or was upgraded before; TypeError, RangeError for wrong
   *   options
   *
   * @example
   * ```ts
   * import { spawn } from 'stackful';
   * import { serve } from 'stackful/http';
   * import { connect } from 'stackful/websocket';
   *
   * const server = serve((request) => {
   *   if (!request.headers.has('upgrade')) return 'the page';
   *   const socket = request.upgrade({ maxMessageBytes: 1000 });
   *   for (const message of socket) socket.send(message); // an echo
   *   return;
   * }, { host: '127.0.0.1' });
   * await spawn(() => {
   *   using socket = connect(`ws://127.0.0.1:${server.port}/`);
   *   socket.send('hello');
   *   console.log(socket.receive()); // hello
   * });
   * await server.close();
   * ```
   */
  upgrade(options: UpgradeOptions = {}): WebSocket {
    this.live('the request');
    // Read now, because afterwards they cannot be.
    const { method, target } = this;
    if (target.startsWith('/')) void this.path;
    this.details.method = method;
    const socket = upgrade(this, this.connection, options);
    this.number = -1;
    return socket;
  }

  /** See Connection.handOver; the request is over then. Parks. @internal */
  handOver(successor: Successor): Socket {
    this.live('the request');
    const socket = this.connection.handOver(successor);
    this.number = -1;
    return socket;
  }

  /** See Exchange.openTunnel; the request is over then. Parks. @internal */
  openTunnel(successor: Successor, lines: string): Carrier {
    this.live('the request');
    const carrier = this.connection.openTunnel(successor, lines);
    this.number = -1;
    return carrier;
  }

  /** Every header as it came: name, value, name, value, ... @internal */
  headerList(): readonly string[] {
    return httpHeaders(this.live('the headers'))!;
  }

  /** A number that later requests have, too, whose headers are the same byte for byte; -1: none. @internal */
  headerBlock(): number {
    return httpHeaderBlock(this.live('the headers'));
  }

  /** The Content-Length, or -1. @internal */
  bodyLength(): number {
    return httpBodyLength(this.live('the body'));
  }

  /** See native/binding/http_request.cc. @internal */
  fileHints(): number {
    return httpFileHints(this.live('the request')) ?? 1;
  }

  private takeBody(max: number | undefined): number {
    const connection = this.live('the body');
    const details = this.details;
    if (details.bodyTaken) {
      throw Object.assign(new Error('this body is being read, or was read before'), { code: 'ERR_HTTP_BODY_IN_USE' });
    }
    if (max !== undefined) httpLimitBody(connection, bodyLimit('max', max));
    details.bodyTaken = true;
    return connection;
  }
}

const forgetful = new WeakSet<object>();

/** Marks a handler of the library's own that keeps nothing of a request after it has returned. @internal */
export function markForgetful<H extends object>(handler: H): H {
  forgetful.add(handler);
  return handler;
}

/** @internal */
export function isForgetful(handler: object): boolean {
  return forgetful.has(handler);
}
