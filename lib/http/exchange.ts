import { STATUS_CODES } from 'node:http';

import { wait } from '../async/wait.js';
import { spawn, type Coroutine } from '../coroutine/coroutine.js';
import { integerIn, invalidType } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { native } from '../internal/native.js';
import { CONNECTION_BUSY, REQUEST_OVER } from '../internal/results.js';
import type { Socket } from '../net/socket.js';
import { admitting } from '../schedule/admission.js';
import type { Carrier } from '../websocket/carrier.js';
import type { TlsInfo } from '../tls/info.js';
import type { ServerTerms } from '../tls/terms.js';
import { ClientLeftError, HttpError, lengthMismatch, tellsOfDeparture } from './errors.js';
import { isFetched, partsOfFetched } from './fetched.js';
import { BINARY_LINE, NO_FIELDS, TEXT_LINE, fieldsOf, type Fields, type ResponseHeaders } from './fields.js';
import type { Heir, Successor } from './hand_over.js';
import {
  HEAD_METHOD,
  METHOD_CONNECT,
  METHOD_HEAD,
  httpBegin,
  httpFinish,
  httpForceClose,
  httpMethod,
  httpReadBody,
  httpRespond,
  httpSendFile,
  httpTarget,
  httpText,
  httpWrite,
} from './native.js';
import { JSON_LINE, jsonOf, kindOf, refuseResponse } from './reply.js';
import type { ProxyProtocolTerms } from './proxy_protocol.js';
import { Request } from './request.js';
import { FileResponse, PreparedResponse, type BodyPart, type ResponseLike, type ResponseParts } from './response.js';
import { discard, inStep } from './source.js';
import { admitRequest, endUnit, REFUSED, type Unit } from './admitted.js';
import { timedAnswer, timing } from './timing.js';
import type { ProxyTrust } from './trust_proxy.js';

/** Answers one request. It may park; if it returns a promise, the server waits for that. */
export type Handler = (request: Request) => ResponseLike | PromiseLike<ResponseLike>;

/** The interface of a server for its connections. */
export interface Owner {
  /** @internal */
  readonly handler: Handler;
  /** @internal */
  readonly speaksHttp2: boolean;
  /** Whether requests that have waited too long are refused. @internal */
  readonly sheds: boolean;
  /** Whether the handler keeps neither requests nor their parts: then requests that do not overlap share one object. @internal */
  readonly reusesRequests: boolean;
  /** Whether its requests are the inspector's, and not the program's. @internal */
  readonly observing: boolean;
  /** Whether a router admits its requests, by their routes. @internal */
  routed: boolean;
  /** A free object of that kind. @internal */
  spare: Request | undefined;
  /** @internal */
  report(error: unknown, request: Request): void;
  /** Whether `close` was called. @internal */
  readonly isClosing: boolean;
  /** Of a server that speaks TLS. @internal */
  readonly terms: ServerTerms | undefined;
  /** @internal */
  reportTls(error: unknown, remoteAddress: string): void;
  /** Of a server whose connections begin with the header of a proxy. @internal */
  readonly proxyProtocol: ProxyProtocolTerms | undefined;
  /** Who is believed about clients. @internal */
  readonly trust: ProxyTrust | undefined;
}

/** Longer names of coroutines are cut, because lists show them. */
const LONGEST_NAME = 100;

/**
 * Answers requests on what carries them: a connection of HTTP/1, one request after the other, or a stream of HTTP/2, which has one.
 * The functions of ./native.ts take the number of either.
 */
export abstract class Exchange {
  /** The number of native's record; -1 once that is closed. */
  number: number;
  coroutine: Coroutine | undefined;
  private streaming = false;
  private reading = false;
  /** Slot of the exchange's coroutine while it waits for another one to stop reading; else -1. */
  private waiter = -1;
  /** The last request whose signal was read. */
  protected watched: Request | undefined;
  /** Of the request, as of its admission until its answer begins; see ../schedule/admission.ts. */
  private unit: Unit | undefined;
  /** Once the connection is handed over. */
  protected heir: Heir | undefined;

  constructor(
    number: number,
    readonly owner: Owner,
  ) {
    this.number = number;
  }

  /** What came out of the handshake; undefined without TLS. */
  abstract readonly tls: TlsInfo | undefined;
  /** See `Connection.handOver`. */
  abstract handOver(successor: Successor): Socket;
  /**
   * Accepts what the request asks for, in an answer with these lines, and gives what carries it from now on, as `handOver` does. Parks;
   * throws as that.
   */
  abstract openTunnel(successor: Successor, lines: string): Carrier;
  /** The peer. */
  abstract remote(): readonly [host: string, port: number];
  /** The name of its coroutine while there is no request. */
  protected abstract readonly idleTitle: string;

  /** The name of its coroutine: `GET /path` during a request. */
  get title(): string {
    const method = this.number < 0 ? undefined : httpMethod(this.number);
    if (method === undefined) return this.idleTitle;
    const [path] = httpTarget(this.number)!.split('?', 1);
    const title = `${method} ${path!}`;
    return title.length <= LONGEST_NAME ? title : `${title.slice(0, LONGEST_NAME)}...`;
  }

  /** Aborts the signal of `request` when the client leaves. */
  watch(request: Request): void {
    this.watched = request;
  }

  /** The client has left during its request; unless it is `gone`, it may still receive the response. Never parks. */
  clientLeft(gone: boolean): void {
    const reason = new ClientLeftError();
    this.abort(reason);
    if (gone) this.coroutine?.cancel(reason);
  }

  /** Cancels the handler, and aborts the request's signal. Never parks. */
  cancel(reason: unknown): void {
    this.abort(reason);
    this.coroutine?.cancel(reason);
  }

  private abort(reason: unknown): void {
    const { watched } = this;
    if (!watched) return;
    this.watched = undefined;
    // Listeners may park, which must not hold up the caller.
    try {
      spawn(() => { watched.abort(reason); }, { name: 'http abort' });
    } catch {
      // No memory for a stack: listeners run here, and cannot park.
      watched.abort(reason);
    }
  }

  /** Receives bytes of the request's body into `to`, from `from` on. Returns their number, 0 at the end, or a code. Parks. */
  readBody(to: Uint8Array, from: number): number {
    if (this.reading) return CONNECTION_BUSY;
    this.reading = true;
    const result = httpReadBody(this.number, to, from);
    this.reading = false;
    if (this.waiter >= 0) native.wake(this.waiter, 0);
    return result;
  }

  /** Answers a request and waits for the next. Returns the head of that, or 0 when the connection is over. Parks. */
  protected answer(owner: Owner, number: number, head: number): number {
    const request = owner.spare?.renew(this, number, head) ?? new Request(this, number, head);
    if (owner.reusesRequests) owner.spare = undefined;
    try {
      if ((head & HEAD_METHOD) === METHOD_CONNECT) refuseTunnel(number);
      if (admitting && !owner.routed && !this.admit()) return this.respond(owner, request, REFUSED);
      const response = timing ? timedAnswer(owner, request) : owner.handler(request);
      if (typeof response === 'string') {
        this.endRequest(owner, request);
        return httpText(number, response);
      }
      return this.respond(owner, request, response);
    } catch (error) {
      return this.fail(error, request);
    }
  }

  /** Begins the request as a unit of work, if it has not begun. False: it is refused. Parks. */
  admit(route?: string): boolean {
    if (route !== undefined) this.owner.routed = true;
    if (this.owner.observing || this.unit) return true;
    this.unit = admitRequest(route);
    return this.unit !== undefined;
  }

  /** What is held back for a unit under way need not wait for this one any longer. Never parks. */
  endUnit(): void {
    const { unit } = this;
    this.unit = undefined;
    if (unit) endUnit(unit);
  }

  /** Ends the request: it reads nothing more from the connection, and its object may be used again. */
  private endRequest(owner: Owner, request: Request): void {
    if (this.unit) this.endUnit();
    if (request.examined && this.reading) this.waitForReader();
    request.end();
    if (owner.reusesRequests) owner.spare = request;
  }

  /** Waits for another coroutine that is reading the body, as long as the limits allow. Parks. */
  private waitForReader(): void {
    this.waiter = native.current();
    let code = 0;
    // After a cancellation native code refuses the response, and the connection is over.
    while (this.reading && code >= 0) code = native.park(ParkKind.other, 0);
    this.waiter = -1;
  }

  private respond(owner: Owner, request: Request, response: unknown): number {
    if (typeof response === 'string') return this.send(owner, request, 200, TEXT_LINE, response);
    if (response === undefined || response === null) return this.send(owner, request, 204, '', undefined);
    if (typeof response !== 'object') return refuseResponse(response);
    if (response instanceof PreparedResponse) return this.send(owner, request, response.status, response.lines, response.body);
    if (response instanceof Uint8Array) return this.send(owner, request, 200, BINARY_LINE, response);
    if (response instanceof FileResponse) return this.sendFile(owner, request, response);
    if (typeof (response as PromiseLike<unknown>).then === 'function') {
      return this.respond(owner, request, wait(response as PromiseLike<unknown>));
    }
    if (isFetched(response)) return this.respondInParts(owner, request, response);
    switch (kindOf(response)) {
      case 'parts': return this.respondInParts(owner, request, response);
      case 'body': return this.respondInParts(owner, request, { body: response });
      case 'json': return this.send(owner, request, 200, JSON_LINE, jsonOf('response', response));
    }
  }

  private send(owner: Owner, request: Request, status: number, lines: string, body: BodyPart | undefined): number {
    const { number } = request;
    this.endRequest(owner, request);
    return httpRespond(number, status, lines, body);
  }

  private respondInParts(owner: Owner, request: Request, response: ResponseParts): number {
    const { body } = response;
    let status: number;
    let fields: Fields;
    try {
      if (isFetched(response)) {
        ({ status, fields } = partsOfFetched(response));
      } else {
        status = response.status ?? 200;
        fields = response.headers ? fieldsOf(response.headers, response.status) : NO_FIELDS;
      }
      if (status !== 200) integerIn('response.status', status, 200, 599);
    } catch (error) {
      discard(body);
      throw error;
    }
    const { lines, length, hasType } = fields;
    if (fields.close) httpForceClose(this.number);
    if (!isFetched(response) && response.trailers !== undefined) return this.respondWithTrailers(owner, request, status, fields, response);
    if (typeof body === 'string') {
      if (length >= 0 && length !== Buffer.byteLength(body)) throw lengthMismatch(length, Buffer.byteLength(body));
      return this.send(owner, request, status, hasType ? lines : TEXT_LINE + lines, body);
    }
    if (body === undefined || body === null) {
      return length > 0 ? this.stream(owner, request, status, lines, [], length) : this.send(owner, request, status, lines, undefined);
    }
    if (body instanceof Uint8Array) {
      if (length >= 0 && length !== body.length) throw lengthMismatch(length, body.length);
      return this.send(owner, request, status, hasType ? lines : BINARY_LINE + lines, body);
    }
    if (typeof body === 'object' && Symbol.iterator in body) return this.stream(owner, request, status, lines, body, length);
    if (typeof body === 'object' && Symbol.asyncIterator in body) {
      return this.stream(owner, request, status, lines, inStep(body as AsyncIterable<BodyPart>), length);
    }
    if (typeof body !== 'object') throw invalidBody(body);
    const text = jsonOf('response.body', body);
    if (length >= 0 && length !== Buffer.byteLength(text)) throw lengthMismatch(length, Buffer.byteLength(text));
    return this.send(owner, request, status, hasType ? lines : JSON_LINE + lines, text);
  }

  private stream(owner: Owner, request: Request, status: number, lines: string, parts: Iterable<BodyPart>, length: number): number {
    const code = this.sendParts(request, status, lines, parts, length);
    return this.endStream(owner, request, code);
  }

  /** Sends any body in parts, because trailers stand behind those. */
  private respondWithTrailers(owner: Owner, request: Request, status: number, fields: Fields, response: ResponseParts): number {
    const { body, trailers } = response;
    const whole = typeof body === 'string' || body instanceof Uint8Array;
    let { lines } = fields;
    if (whole && !fields.hasType) lines = (typeof body === 'string' ? TEXT_LINE : BINARY_LINE) + lines;
    let parts: Iterable<BodyPart>;
    if (body === undefined || body === null) parts = [];
    else if (whole) parts = [body];
    else if (typeof body !== 'object') throw invalidBody(body);
    else if (Symbol.iterator in body) parts = body;
    else if (Symbol.asyncIterator in body) parts = inStep(body as AsyncIterable<BodyPart>);
    else {
      parts = [jsonOf('response.body', body)];
      if (!fields.hasType) lines = JSON_LINE + lines;
    }
    const taken = request.mayHaveTrailers();
    const code = this.sendParts(request, status, lines, parts, fields.length);
    return this.endStream(owner, request, code, taken && code >= 0 ? trailerLines(trailers!) : undefined);
  }

  /**
   * Sends the head with the first part that is not empty: an error before that can still become the response. If no body may
   * be sent, it reads the first part, too, and then ends the source.
   */
  private sendParts(request: Request, status: number, lines: string, parts: Iterable<BodyPart>, length: number): number {
    const bodiless = (request.head & HEAD_METHOD) === METHOD_HEAD || status === 204 || status === 304;
    let code = 0;
    let sent = 0;
    for (const part of parts) {
      if (typeof part !== 'string' && !(part instanceof Uint8Array)) {
        throw invalidType('part of response.body', 'a string or a Uint8Array', part);
      }
      if (part.length === 0) continue;
      if (length >= 0) {
        sent += typeof part === 'string' ? Buffer.byteLength(part) : part.length;
        if (sent > length) throw lengthMismatch(length, sent);
      }
      if (bodiless) break;
      if (!this.streaming) code = this.begin(status, lines, length);
      if (code >= 0) code = httpWrite(this.number, part);
      // The client has left, or this coroutine was cancelled: that is no error of the handler.
      if (code < 0) break;
    }
    if (code >= 0 && sent < length && !bodiless) throw lengthMismatch(length, sent);
    return this.streaming ? code : this.begin(status, lines, length);
  }

  private begin(status: number, lines: string, length: number): number {
    if (this.heir) return REQUEST_OVER;
    this.streaming = true;
    if (this.unit) this.endUnit();
    return httpBegin(this.number, status, lines, length);
  }

  private sendFile(owner: Owner, request: Request, response: FileResponse): number {
    let code: number;
    try {
      code = this.begin(response.status, response.lines, response.length);
      if (code >= 0) code = httpSendFile(this.number, response.file.fd, response.offset, response.length);
    } finally {
      response.file.close();
    }
    return this.endStream(owner, request, code);
  }

  private endStream(owner: Owner, request: Request, code: number, trailers?: string): number {
    this.streaming = false;
    this.endRequest(owner, request);
    return code < 0 ? 0 : httpFinish(this.number, trailers);
  }

  /** Headers that cannot be sent are reported: a status without them is better than none. */
  private fieldsOfError({ headers, status }: HttpError, request: Request): Fields {
    try {
      return headers ? fieldsOf(headers, status) : NO_FIELDS;
    } catch (error) {
      this.owner.report(error, request);
      return NO_FIELDS;
    }
  }

  /** Answers a handler's exception with its status, or with 500 and a report; closes the connection after half a response. */
  private fail(error: unknown, request: Request): number {
    if (this.unit) this.endUnit();
    const expected = error instanceof HttpError;
    if (!expected && !tellsOfDeparture(error) && !this.heir?.successor.expects(error)) this.owner.report(error, request);
    // `onError` got the request and may keep it, so its object is not used again.
    if (this.reading) this.waitForReader();
    request.end();
    if (this.heir) this.heir.failure = error;
    if (this.heir || this.streaming) return 0;
    const status = expected && error.status >= 400 && error.status <= 599 ? error.status : 500;
    const text = expected ? error.message : `500 ${STATUS_CODES[500]!}`;
    const { lines, hasType, close } = expected ? this.fieldsOfError(error, request) : NO_FIELDS;
    if (close) httpForceClose(this.number);
    return httpRespond(this.number, status, hasType ? lines : TEXT_LINE + lines, `${text}\n`);
  }
}

function invalidBody(body: unknown): Error {
  return invalidType('response.body', 'a string, a Uint8Array, an iterable of those, an object for JSON, or nothing', body);
}

/** Fields that say how the body is framed or read have to stand before it (RFC 9110 section 6.5.1); those that `fieldsOf` keeps apart. */
function trailerLines(trailers: ResponseHeaders | (() => ResponseHeaders)): string {
  return fieldsOf(typeof trailers === 'function' ? trailers() : trailers).lines;
}

/** Bytes after a CONNECT are meant for another server, and are no request. */
function refuseTunnel(number: number): never {
  httpForceClose(number);
  throw new HttpError(501);
}
