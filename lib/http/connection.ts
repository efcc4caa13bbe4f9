import { STATUS_CODES } from 'node:http';

import type { Coroutine } from '../coroutine.js';
import { integerIn, invalidType } from '../internal/arguments.js';
import { ParkKind } from '../internal/kinds.js';
import { native } from '../internal/native.js';
import { wait } from '../wait.js';
import { HttpError, lengthMismatch, requestOver } from './errors.js';
import { BINARY_LINE, NO_FIELDS, TEXT_LINE, fieldsOf } from './fields.js';
import {
  CONNECTION_BUSY,
  HEAD_METHOD,
  METHOD_CONNECT,
  METHOD_HEAD,
  httpBegin,
  httpDone,
  httpFinish,
  httpForceClose,
  httpNext,
  httpReadBody,
  httpRemote,
  httpRespond,
  httpSendFile,
  httpText,
  httpWrite,
} from './native.js';
import { Request } from './request.js';
import { FileResponse, PreparedResponse, type BodyPart, type ResponseLike, type ResponseParts } from './response.js';

/**
 * Answers one request: plain sequential code that may park. A promise is waited for.
 */
export type Handler = (request: Request) => ResponseLike | PromiseLike<ResponseLike>;

/** What connections report to: their server. */
export interface Owner {
  readonly handler: Handler;
  /** Does the handler keep no request, nor what it makes of it? Then one object is enough for requests that do not overlap. */
  readonly reusesRequests: boolean;
  /** Such an object that is free. */
  spare: Request | undefined;
  report(error: unknown, request: Request): void;
}

const EMSGSIZE = -90;

/**
 * One connection's loop: a coroutine runs it from the first request to the last.
 *
 * With thousands of connections, whatever is in an object of this class has to come from memory: the usual request goes by
 * what is in variables, which lie in the coroutine's stack, and in objects that all connections share.
 */
export class Connection {
  /** Of native's record; -1 once that is closed. */
  number: number;
  coroutine: Coroutine | undefined;
  private streaming = false;
  private reading = false;
  /** Slot of this connection's coroutine while it waits for another one to stop reading; else -1. */
  private waiter = -1;
  private peer: readonly [host: string, port: number] | undefined;

  constructor(
    number: number,
    private readonly owner: Owner,
  ) {
    this.number = number;
  }

  /** Until the connection is over. Parks; never throws. */
  run(): void {
    this.answerAll();
    const number = this.number;
    this.number = -1;
    httpDone(number);
  }

  /** Instead of `run`, when there is no stack for it. */
  abandon(): void {
    httpDone(this.number);
    this.number = -1;
  }

  remote(): readonly [host: string, port: number] {
    if (!this.peer) {
      if (this.number < 0) throw requestOver('the remote address');
      const [host, port] = httpRemote(this.number) ?? ['', 0];
      this.peer = [host, port];
    }
    return this.peer;
  }

  /** Bytes of the request's body put into `to` from `from` on, 0 at its end, or a code. Parks. */
  readBody(to: Uint8Array, from: number): number {
    if (this.reading) return CONNECTION_BUSY;
    this.reading = true;
    const result = httpReadBody(this.number, to, from);
    this.reading = false;
    if (this.waiter >= 0) native.wake(this.waiter, 0);
    return result;
  }

  /**
   * A function of its own: what comes behind the loop has never run when the loop is compiled, and a thousand connections
   * that end would leave compiled code for it one by one, at 10 us apiece.
   */
  private answerAll(): void {
    const { owner, number } = this;
    let head = httpNext(number);
    while (head > 0) head = this.answer(owner, number, head);
  }

  /** Answers a request and waits for the next: its head, or 0 when the connection is over. */
  private answer(owner: Owner, number: number, head: number): number {
    const request = owner.spare?.renew(this, number, head) ?? new Request(this, number, head);
    if (owner.reusesRequests) owner.spare = undefined;
    try {
      if ((head & HEAD_METHOD) === METHOD_CONNECT) throw new HttpError(501);
      const response = owner.handler(request);
      if (typeof response === 'string') {
        this.endRequest(owner, request);
        return httpText(number, response);
      }
      return this.respond(owner, request, response);
    } catch (error) {
      return this.fail(error, request);
    }
  }

  /** From here on the request gives nothing new, and may become another one. */
  private endRequest(owner: Owner, request: Request): void {
    if (request.examined && this.reading) this.waitForReader();
    request.end();
    if (owner.reusesRequests) owner.spare = request;
  }

  /** Another coroutine is in the middle of reading the body: the response waits for it, for so long as limits allow. */
  private waitForReader(): void {
    this.waiter = native.current();
    let code = 0;
    // Ended early by a cancellation, native refuses what comes next, and the connection is over.
    while (this.reading && code >= 0) code = native.park(ParkKind.other, 0);
    this.waiter = -1;
  }

  private respond(owner: Owner, request: Request, response: unknown): number {
    if (typeof response === 'string') return this.send(owner, request, 200, TEXT_LINE, response);
    if (response === undefined || response === null) return this.send(owner, request, 204, '', undefined);
    if (typeof response !== 'object') {
      throw invalidType('response', 'a string, a Uint8Array, an object with status, headers and body, or nothing', response);
    }
    if (response instanceof PreparedResponse) return this.send(owner, request, response.status, response.lines, response.body);
    if (response instanceof Uint8Array) return this.send(owner, request, 200, BINARY_LINE, response);
    if (response instanceof FileResponse) return this.sendFile(owner, request, response);
    if (typeof (response as PromiseLike<unknown>).then === 'function') {
      return this.respond(owner, request, wait(response as PromiseLike<unknown>));
    }
    if (Symbol.iterator in response || Symbol.asyncIterator in response) {
      throw invalidType('response', 'an object whose property "body" is the iterable', response);
    }
    return this.respondInParts(owner, request, response);
  }

  private send(owner: Owner, request: Request, status: number, lines: string, body: BodyPart | undefined): number {
    const { number } = request;
    this.endRequest(owner, request);
    return httpRespond(number, status, lines, body);
  }

  private respondInParts(owner: Owner, request: Request, response: ResponseParts): number {
    const status = response.status === undefined ? 200 : integerIn('response.status', response.status, 200, 599);
    const { lines, length, hasType, close } = response.headers ? fieldsOf(response.headers) : NO_FIELDS;
    if (close) httpForceClose(this.number);
    const body = response.body;
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
      return this.stream(owner, request, status, lines, inStep(body), length);
    }
    throw invalidType('response.body', 'a string, a Uint8Array, an iterable of those, or nothing', body);
  }

  private stream(owner: Owner, request: Request, status: number, lines: string, parts: Iterable<BodyPart>, length: number): number {
    let code = httpBegin(this.number, status, lines, length);
    if ((request.head & HEAD_METHOD) === METHOD_HEAD || status === 204 || status === 304) return this.endStream(owner, request, code);
    this.streaming = true;
    let sent = 0;
    for (const part of parts) {
      // The client has gone, or this coroutine was cancelled: nobody is to blame.
      if (code < 0) break;
      if (typeof part !== 'string' && !(part instanceof Uint8Array)) {
        throw invalidType('part of response.body', 'a string or a Uint8Array', part);
      }
      if (part.length === 0) continue;
      code = httpWrite(this.number, part);
      if (length >= 0) sent += typeof part === 'string' ? Buffer.byteLength(part) : part.length;
      if (code === EMSGSIZE) throw lengthMismatch(length, sent);
    }
    if (code >= 0 && length >= 0 && sent < length) throw lengthMismatch(length, sent);
    return this.endStream(owner, request, code);
  }

  private sendFile(owner: Owner, request: Request, response: FileResponse): number {
    let code: number;
    try {
      code = httpBegin(this.number, response.status, response.lines, response.length);
      this.streaming = true;
      if (code >= 0) code = httpSendFile(this.number, response.file.fd, response.offset, response.length);
    } finally {
      response.file.close();
    }
    return this.endStream(owner, request, code);
  }

  private endStream(owner: Owner, request: Request, code: number): number {
    this.streaming = false;
    this.endRequest(owner, request);
    return code < 0 ? 0 : httpFinish(this.number);
  }

  /** What a handler's exception becomes: its own status, or a 500 and a report; half a response is broken off. */
  private fail(error: unknown, request: Request): number {
    const expected = error instanceof HttpError;
    if (!expected) this.owner.report(error, request);
    // It was reported to somebody, who may keep it.
    if (this.reading) this.waitForReader();
    request.end();
    if (this.streaming) return 0;
    const status = expected && error.status >= 400 && error.status <= 599 ? error.status : 500;
    const text = expected ? error.message : `500 ${STATUS_CODES[500]!}`;
    return httpRespond(this.number, status, TEXT_LINE, `${text}\n`);
  }
}

/** An asynchronous iterable as one that parks for each part. */
function* inStep<T>(source: AsyncIterable<T>): Generator<T, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const result = wait(iterator.next());
      if (result.done) {
        ended = true;
        return;
      }
      yield result.value;
    }
  } finally {
    if (!ended && iterator.return) wait(iterator.return());
  }
}
