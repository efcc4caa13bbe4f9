import { closeSync } from 'node:fs';

import { withSignal } from '../coroutine/signal.js';
import { Descriptor } from '../fs/descriptor.js';
import { integerIn, invalidType, invalidValue } from '../internal/arguments.js';
import { checkpoint, signalIn, type ParkOptions } from '../internal/parking.js';
import { EOPNOTSUPP } from '../internal/results.js';
import { Connection } from './connection.js';
import { DescriptorsLostError, SocketClosedError } from './errors.js';
import { failSocket } from './failure.js';
import { CLOSED, netReceiveDescriptors, netSendDescriptors } from './native.js';
import type { Sending } from './sending.js';
import type { Surplus } from './surplus.js';

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
  if (typeof one === 'number') return integerIn(name, one, 0, 2 ** 31 - 1);
  if (!(one instanceof Descriptor) && !(one instanceof Connection) && typeof (one as { fd?: unknown } | null)?.fd !== 'number') {
    throw invalidType(name, 'a descriptor, a file, a socket or a listener', one);
  }
  if (one.fd < 0) throw invalidValue(name, 'open', one.fd);
  return one.fd;
}

/** See `Socket.sendDescriptors`. */
export function sendDescriptors(
  socket: Sending,
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
  if (typeof data !== 'string' && !(data instanceof Uint8Array)) {
    throw invalidType('data', 'of type string or an instance of Buffer or Uint8Array', data);
  }
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  if (bytes.length === 0) throw invalidValue('data', 'not empty: descriptors travel with a byte', data);
  // TCP would drop them without a word.
  if (socket.localFamily !== undefined) failSocket(socket.handle, EOPNOTSUPP, 'socket.sendDescriptors', 'sendmsg');
  const result = netSendDescriptors(socket.handle, bytes, numbers);
  if (result < 0) failSocket(socket.handle, result, 'socket.sendDescriptors', 'sendmsg');
}

/** See `Socket.receiveDescriptors`. */
export function receiveDescriptors(
  socket: Sending,
  surplus: Surplus,
  max: number,
  options: ParkOptions | undefined,
): ReceivedDescriptors | null {
  const operation = 'socket.receiveDescriptors';
  const signal = signalIn(operation, options);
  if (signal) return withSignal(signal, () => receiveDescriptors(socket, surplus, max, undefined));
  checkpoint(operation);
  if (surplus.length > 0) {
    if (socket.handle === CLOSED) throw new SocketClosedError(operation);
    return { data: surplus.take(Math.min(max, surplus.length)), descriptors: [] };
  }
  const result = netReceiveDescriptors(socket.handle, max);
  if (typeof result === 'number') return result === 0 ? null : failSocket(socket.handle, result, operation, 'recvmsg');
  const [data, lost, ...descriptors] = result;
  if (!lost) return { data, descriptors };
  for (const fd of descriptors) closeSync(fd);
  surplus.add(data);
  throw new DescriptorsLostError(operation);
}
