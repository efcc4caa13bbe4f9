import { withSignal } from '../coroutine/signal.js';
import { dataOf, INT_MAX, integerIn, invalidType, invalidValue } from '../internal/arguments.js';
import { closeSync } from '../internal/originals.js';
import { checkpoint, signalIn, type ParkOptions } from '../internal/parking.js';
import { EAGAIN, EOPNOTSUPP } from '../internal/results.js';
import { DescriptorsLostError } from './errors.js';
import { failSocket } from './failure.js';
import { netReceiveDescriptors, netSendDescriptors } from './native.js';
import type { Socket } from './socket.js';

/** What has an open descriptor: a file, a socket, a listener (`fd` is -1 when closed), or its number. */
export type Passable = number | { readonly fd: number };

/** What `receiveDescriptors` returns. */
export interface ReceivedDescriptors {
  /** The bytes that they came with. */
  readonly data: Buffer;
  /** Numbers of open descriptors, the caller's to close; programs that are executed do not get them. */
  readonly descriptors: number[];
}

/** The most that one message of the system carries. */
const MOST = 253;

function numberOf(one: Passable, i: number): number {
  const name = `list[${String(i)}]`;
  if (typeof one === 'number') return integerIn(name, one, 0, INT_MAX);
  if (typeof (one as { fd?: unknown } | null)?.fd !== 'number') {
    throw invalidType(name, 'a descriptor, a file, a socket or a listener', one);
  }
  if (one.fd < 0) throw invalidValue(name, 'open', one.fd);
  return one.fd;
}

/** See `Socket.sendDescriptors`. */
export function sendDescriptors(
  socket: Socket,
  list: readonly Passable[],
  data: string | Uint8Array,
  options: ParkOptions | undefined,
): void {
  const signal = signalIn('socket.sendDescriptors', options);
  if (signal) {
    withSignal(signal, () => { sendDescriptors(socket, list, data, undefined); });
    return;
  }
  if (!Array.isArray(list)) throw invalidType('list', 'an array', list);
  if (list.length === 0 || list.length > MOST) throw invalidValue('list', `of 1 to ${String(MOST)} descriptors`, list);
  const numbers = Int32Array.from(list as readonly Passable[], numberOf);
  dataOf('data', data);
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  if (bytes.length === 0) throw invalidValue('data', 'not empty: descriptors travel with a byte', data);
  // TCP would drop them without a word; TLS encrypts bytes and nothing else.
  if (socket.localFamily !== undefined || socket.encrypted) failSocket(socket.handle, EOPNOTSUPP, 'socket.sendDescriptors', 'sendmsg');
  const result = netSendDescriptors(socket.handle, bytes, numbers);
  if (result < 0) failSocket(socket.handle, result, 'socket.sendDescriptors', 'sendmsg');
}

/** See `Socket.receiveDescriptors`. */
export function receiveDescriptors(
  socket: Socket,
  max: number,
  options: ParkOptions | undefined,
): ReceivedDescriptors | null {
  const operation = 'socket.receiveDescriptors';
  const signal = signalIn(operation, options);
  if (signal) return withSignal(signal, () => receiveDescriptors(socket, max, undefined));
  const { surplus } = socket;
  let result: ReturnType<typeof netReceiveDescriptors>;
  do {
    checkpoint(operation);
    socket.ensureOpen(operation);
    if (socket.encrypted) failSocket(socket.handle, EOPNOTSUPP, operation, 'recvmsg');
    if (surplus.length > 0) {
      const data = surplus.take(Math.min(max, surplus.length));
      socket.shareSurplus();
      return { data, descriptors: [] };
    }
    socket.receiving++;
    result = netReceiveDescriptors(socket.handle, max);
    socket.receiving--;
  } while (result === EAGAIN);
  if (result === 0) {
    socket.endOfStream();
    return null;
  }
  if (typeof result === 'number') return failSocket(socket.handle, result, operation, 'recvmsg');
  const [data, lost, ...descriptors] = result;
  if (!lost) return { data, descriptors };
  for (const fd of descriptors) closeSync(fd);
  surplus.add(data);
  socket.shareSurplus();
  throw new DescriptorsLostError(operation);
}
