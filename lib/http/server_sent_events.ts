import { spawn } from '../coroutine/coroutine.js';
import { invalidType, numberIn } from '../internal/arguments.js';
import { Channel } from '../sync/channel.js';
import { after, select } from '../sync/select.js';
import { refuseUnknown } from './known.js';
import type { ResponseParts } from './response.js';
import { inStep } from './source.js';

/** One event for an `EventSource`; a string is one with only `data`. */
export interface ServerSentEvent {
  /** What the page gets: text, or anything else as JSON. */
  data: unknown;
  /** The event's name. Default: `message`. */
  event?: string;
  /** Sent back as `Last-Event-ID` when the page connects again. */
  id?: string;
  /** How long the page waits before it connects again, in milliseconds. */
  retry?: number;
}

/** The options of {@link eventStream}. */
export interface EventStreamOptions {
  /** Milliseconds without an event after which a comment is sent, so that proxies keep the connection. Default 15 s; `Infinity`: never. */
  heartbeat?: number;
}

const HEARTBEAT_MS = 15_000;
/** Instead of `Infinity`, for timers. */
const LONGEST_MS = 2 ** 40;
const COMMENT = ':\n\n';
const LINE_END = /\r\n|\r|\n/;
const HEADERS = Object.freeze({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Accel-Buffering': 'no' });

function fieldOf(name: string, value: string): string {
  if (LINE_END.test(value) || value.includes('\0')) throw invalidType(`event.${name}`, 'a text of one line', value);
  return `${name}: ${value}\n`;
}

function textOf(given: string | ServerSentEvent): string {
  const { data, event, id, retry } = typeof given === 'string' ? { data: given } as ServerSentEvent : given;
  const text = typeof data === 'string' ? data : (JSON.stringify(data) as string | undefined);
  if (text === undefined) throw invalidType('event.data', 'a text, or a value that JSON can hold', data);
  let lines = '';
  if (event !== undefined) lines += fieldOf('event', event);
  if (id !== undefined) lines += fieldOf('id', id);
  if (retry !== undefined) lines += `retry: ${String(Math.round(numberIn('event.retry', retry, 0, Number.MAX_SAFE_INTEGER)))}\n`;
  for (const line of text.split(LINE_END)) lines += `data: ${line}\n`;
  return `${lines}\n`;
}

/** Where events come from: a channel, or anything that a loop or an asynchronous loop goes through. */
export type EventSource = Channel<string | ServerSentEvent> | Iterable<string | ServerSentEvent> | AsyncIterable<string | ServerSentEvent>;

/** Sends what `source` yields into a channel, in a coroutine of its own, until `end` is called, which waits for its `finally`. */
function pumped(source: Iterable<string | ServerSentEvent>): { events: Channel<string | ServerSentEvent>; check(): void; end(): void } {
  const events = new Channel<string | ServerSentEvent>();
  let failure: { error: unknown } | undefined;
  const pump = spawn(() => {
    try {
      for (const event of source) events.send(event);
    } catch (error) {
      failure = { error };
    } finally {
      events.close();
    }
  }, { name: 'event stream' });
  return {
    events,
    check: () => { if (failure) throw failure.error; },
    end: () => { pump.cancel(); },
  };
}

function* bodyOf(source: EventSource, heartbeat: number): Generator<string, void, undefined> {
  // Sends the head: a page learns of its connection before the first event.
  yield COMMENT;
  const given = source instanceof Channel ? { events: source, check: () => undefined, end: () => undefined } : pumped(stepsOf(source));
  try {
    for (;;) {
      const next = select({ event: given.events, beat: after(heartbeat) });
      if (next.key === 'beat') {
        yield COMMENT;
      } else if (next.closed) {
        given.check();
        return;
      } else {
        yield textOf(next.value);
      }
    }
  } finally {
    given.end();
  }
}

function stepsOf(source: Exclude<EventSource, Channel<string | ServerSentEvent>>): Iterable<string | ServerSentEvent> {
  return Symbol.iterator in source ? source : (inStep(source as never) as Iterable<never>);
}

/**
 * A response of server-sent events, which a page receives with `new EventSource(url)`. Events are sent when they come; while none
 * comes, a comment is, now and then, so that proxies keep the connection. When the client leaves, the source is ended: a generator as by
 * a `break`, in which `finally` blocks run; a channel stays open for other receivers. Never parks; the response's body does.
 *
 * @param source a channel, a generator (which runs in a coroutine of its own), or anything else to loop over
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`); an event that cannot be written,
 *   and an error of the source, end the response
 *
 * @example
 * ```ts
 * import { every } from 'stackful';
 * import { eventStream, serve } from 'stackful/http';
 *
 * function* clock() {
 *   let beat = 0;
 *   for (const _ of every(10)) yield { event: 'beat', data: { beat: ++beat }, id: String(beat) };
 * }
 *
 * const server = serve(() => eventStream(clock()), { host: '127.0.0.1' });
 * const response = await fetch(`http://127.0.0.1:${server.port}/`);
 * console.log(response.headers.get('content-type')); // text/event-stream
 * await response.body!.cancel(); // the client leaves, and the clock stops
 * await server.close({ deadline: 0 });
 * ```
 */
export function eventStream(source: EventSource, options: EventStreamOptions = {}): ResponseParts {
  const isObject = typeof source === 'object' && (source as unknown) !== null;
  if (!isObject || !(Symbol.iterator in source || Symbol.asyncIterator in source)) {
    throw invalidType('source', 'a channel or an iterable', source);
  }
  refuseUnknown('options', options, ['heartbeat']);
  const heartbeat = numberIn('options.heartbeat', options.heartbeat ?? HEARTBEAT_MS, 1, Infinity);
  return { headers: HEADERS, body: bodyOf(source, Math.min(heartbeat, LONGEST_MS)) };
}
