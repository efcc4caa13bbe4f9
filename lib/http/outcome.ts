import { wait } from '../async/wait.js';
import { HttpError, tellsOfDeparture } from './errors.js';
import type { Handler } from './exchange.js';
import { replyOf, responseOf, type Reply } from './reply.js';
import type { Request } from './request.js';
import { FileResponse, PreparedResponse, type BodyPart, type ResponseLike } from './response.js';
import { partsIn } from './source.js';

/** How a request was answered. */
export interface Outcome {
  status: number;
  /** Of the body. */
  bytes: number;
  /** The response was not complete when the client, or the server, ended it. */
  aborted: boolean;
  /** What the handler, or the source of its body, has thrown. */
  error: unknown;
}

/** Called once: when the response is there, or its last part has been asked for. */
export type Tell = (outcome: Outcome) => void;
/** Runs a part of the work for a request, such as the making of a part of its body. */
export type Within = <R>(work: () => R) => R;

/** The status that logs have for clients that have left, as nginx does. */
const CLIENT_LEFT = 499;

const sizeOf = (body: BodyPart): number => (typeof body === 'string' ? Buffer.byteLength(body) : body.length);

function statusOf(error: unknown): number {
  if (error instanceof HttpError) return error.status >= 400 && error.status <= 599 ? error.status : 500;
  return tellsOfDeparture(error) ? CLIENT_LEFT : 500;
}

const plainly: Within = (work) => work();

/** Calls `next` for a request, and tells what came out. Parks; throws what `next` throws. */
export function answered(next: Handler, request: Request, tell: Tell, within = plainly): ResponseLike {
  let response: ResponseLike;
  try {
    response = within(() => {
      const given = next(request);
      const promised = typeof (given as PromiseLike<ResponseLike> | undefined)?.then === 'function';
      return promised ? wait(given as PromiseLike<ResponseLike>) : (given as ResponseLike);
    });
  } catch (error) {
    tell({ status: statusOf(error), bytes: 0, aborted: tellsOfDeparture(error), error });
    throw error;
  }
  return told(response, request, tell, within);
}

function told(response: ResponseLike, request: Request, tell: Tell, within: Within): ResponseLike {
  const bytesOf = (bytes: number) => (request.method === 'HEAD' ? 0 : bytes);
  const done = (status: number, bytes: number): void => { tell({ status, bytes, aborted: false, error: undefined }); };
  // After an upgrade: what a WebSocket has carried is not counted. Over HTTP/2 there is no change of protocols, and it is a 200.
  if (request.number < 0) done(request.httpVersion === '2.0' ? 200 : 101, 0);
  else if (typeof response === 'string') done(200, bytesOf(Buffer.byteLength(response)));
  else if (response instanceof PreparedResponse) done(response.status, bytesOf(response.body === undefined ? 0 : sizeOf(response.body)));
  else if (response instanceof FileResponse) done(response.status, bytesOf(response.length));
  else return toldReply(replyOf(response), bytesOf, tell, within);
  return response;
}

function toldReply(reply: Reply, bytesOf: (bytes: number) => number, tell: Tell, within: Within): ResponseLike {
  const { status, body } = reply;
  if (body instanceof FileResponse || body === undefined || body === null || typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = body instanceof FileResponse ? body.length : body ? sizeOf(body) : 0;
    tell({ status, bytes: bytesOf(bytes), aborted: false, error: undefined });
    return responseOf(reply);
  }
  return responseOf({ ...reply, body: counted(partsIn(body), status, tell, within) });
}

/** Counts the parts of a body as they go out, and tells when they have, or when no more are wanted. */
function* counted(source: Iterable<BodyPart>, status: number, tell: Tell, within: Within): Generator<BodyPart, void, undefined> {
  const outcome: Outcome = { status, bytes: 0, aborted: true, error: undefined };
  const parts = within(() => source[Symbol.iterator]());
  let ended = false;
  try {
    for (;;) {
      const step = within(() => parts.next());
      if (step.done) break;
      yield step.value;
      outcome.bytes += sizeOf(step.value);
    }
    ended = true;
    outcome.aborted = false;
  } catch (error) {
    ended = true;
    outcome.error = error;
    throw error;
  } finally {
    try {
      if (!ended) within(() => parts.return?.());
    } finally {
      tell(outcome);
    }
  }
}
