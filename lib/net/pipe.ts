import { withSignal } from '../coroutine/signal.js';
import { booleanOf, integerIn, invalidType } from '../internal/arguments.js';
import { knownOptions } from '../internal/options.js';
import type { ParkOptions } from '../internal/parking.js';
import { EAGAIN, EOPNOTSUPP } from '../internal/results.js';
import { failSocket } from './failure.js';
import { netPipe } from './native.js';
import { Socket } from './socket.js';

/** The options of {@link pipe}. */
export interface PipeOptions extends ParkOptions {
  /** Whether the stream of the second ends, too, when that of the first has ended. Default true. */
  end?: boolean;
  /** The most bytes to pass on; then the call returns, and no stream is ended. Default: all. */
  limit?: number;
}

const KNOWN = new Set(['end', 'limit', 'signal']);
const CHUNK = 64 * 1024;
/** Written by the native call and read at once, before another coroutine can run. */
const told = new Float64Array(2);

/**
 * Passes on all that comes from the first socket to the second, until the first one's stream ends; then the second one's stream is
 * ended ({@link Socket.end}), and it can still be read. Returns the number of bytes. The system moves them from one connection to
 * the other: this process does not copy them. For both directions of a proxy, two coroutines. Parks.
 *
 * When the call is interrupted, or the second connection fails, with bytes taken from the first that the second has not got, the
 * second is marked broken: its next write throws SocketBrokenError. What is not taken can still be read from the first, and over TLS
 * also a chunk of which the second has got only a part.
 *
 * @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_UNKNOWN_OPTION`), RangeError (`ERR_OUT_OF_RANGE`), what reading the first and writing
 *   to the second throw; the error's `bytesPiped` says how many bytes the second has got
 *
 * @example
 * ```ts
 * import { spawn } from 'stackful';
 * import { connect, listen, pipe } from 'stackful/net';
 *
 * await spawn(() => {
 *   using echo = listen({ host: '127.0.0.1', port: 0 });
 *   spawn(() => {
 *     using peer = echo.accept();
 *     pipe(peer, peer);
 *   });
 *   using proxy = listen({ host: '127.0.0.1', port: 0 });
 *   spawn(() => {
 *     using client = proxy.accept();
 *     using upstream = connect({ host: '127.0.0.1', port: echo.address.port });
 *     const there = spawn(() => pipe(client, upstream));
 *     pipe(upstream, client);
 *     there.join();
 *   });
 *   using socket = connect({ host: '127.0.0.1', port: proxy.address.port });
 *   socket.write('there and back\n');
 *   socket.end();
 *   console.log(socket.readLine(), socket.read()); // there and back null
 * });
 * ```
 */
export function pipe(from: Socket, to: Socket, options: PipeOptions = {}): number {
  if (!(from instanceof Socket)) throw invalidType('from', 'a Socket', from);
  if (!(to instanceof Socket)) throw invalidType('to', 'a Socket', to);
  knownOptions('pipe', options, KNOWN);
  const { end = true, limit = Infinity, signal } = options;
  booleanOf('options.end', end);
  if (limit !== Infinity) integerIn('options.limit', limit, 0, Number.MAX_SAFE_INTEGER);
  if (signal) return withSignal(signal, () => pipe(from, to, { end, limit }));
  const progress = { bytes: 0, ended: false };
  try {
    passOn(from, to, limit, progress);
    if (progress.ended && end) to.end();
  } catch (error) {
    if (error instanceof Error) Object.assign(error, { bytesPiped: progress.bytes });
    throw error;
  }
  return progress.bytes;
}

function passOn(from: Socket, to: Socket, limit: number, progress: { bytes: number; ended: boolean }): void {
  // What was received already, and a call on a socket that is closed or outside a coroutine.
  while (from.unread > 0 && progress.bytes < limit) passChunk(from, to, limit, progress);
  if (progress.bytes === limit) return;
  from.receiving++;
  const result = netPipe(from.handle, to.handle, limit - progress.bytes, told);
  from.receiving--;
  if (result !== EOPNOTSUPP) {
    const [moved, reading] = told as unknown as [number, number];
    progress.bytes += moved;
    if (result === EAGAIN) {
      // Another coroutine has received more than it took.
      passOn(from, to, limit, progress);
      return;
    }
    if (result < 0) failSocket((reading ? from : to).handle, result, 'pipe', reading ? 'read' : 'write');
    progress.ended = progress.bytes < limit;
    if (progress.ended) from.endOfStream();
    return;
  }
  // A transport whose bytes only this process knows.
  while (progress.bytes < limit && !progress.ended) passChunk(from, to, limit, progress);
}

/** Parks. */
function passChunk(from: Socket, to: Socket, limit: number, progress: { bytes: number; ended: boolean }): void {
  const chunk = from.read(Math.min(CHUNK, limit - progress.bytes));
  if (chunk === null) {
    progress.ended = true;
    return;
  }
  try {
    to.write(chunk);
  } catch (error) {
    // They are not the second one's, or only in part, and then it is broken: the first one's next reader gets all of them.
    if (!from.closed) from.surplus.putBack(chunk);
    from.shareSurplus();
    throw error;
  }
  progress.bytes += chunk.length;
}
