import { listen, type Listener } from './listener.js';

/** One of the sockets that {@link inheritedListeners} returns. */
export interface InheritedListener {
  /** As `FileDescriptorName=` of the systemd unit says; by default the name of the `.socket` unit. */
  readonly name: string;
  /** It listens already. */
  readonly listener: Listener;
}

/** The first descriptor that systemd passes. */
const FIRST = 3;
const MOST = 2 ** 16;

/** The descriptors that systemd has passed, which are the caller's from now on; a second call returns none. @internal */
export function inheritedDescriptors(): { readonly name: string; readonly fd: number }[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = process.env;
  if (Number(LISTEN_PID) !== process.pid) return [];
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) Reflect.deleteProperty(process.env, name);
  const count = Number(LISTEN_FDS);
  if (!Number.isInteger(count) || count < 0 || count > MOST) return [];
  const names = LISTEN_FDNAMES.split(':');
  return Array.from({ length: count }, (_, i) => ({ name: names[i] || 'unknown', fd: FIRST + i }));
}

/**
 * The listening sockets that the program was started with, as systemd does it (socket activation: `LISTEN_PID`, `LISTEN_FDS`,
 * `LISTEN_FDNAMES`); none if it was started in another way. The variables are removed, so that programs that this one starts do not take
 * the sockets for theirs; a second call returns none. Never parks.
 *
 * @throws Error (`EINVAL`, `ENOTSOCK`, `EBADF`) when one of them does not listen on a stream; the others are closed then
 *
 * @example
 * ```ts
 * import { inheritedListeners, listen } from 'stackful/net';
 *
 * const [inherited] = inheritedListeners();
 * const listener = inherited?.listener ?? listen({ host: '127.0.0.1', port: 0 });
 * console.log(inherited?.name); // undefined
 * listener.close();
 * ```
 */
export function inheritedListeners(): InheritedListener[] {
  const found: InheritedListener[] = [];
  try {
    for (const { name, fd } of inheritedDescriptors()) found.push({ name, listener: listen({ fd }) });
  } catch (error) {
    for (const { listener } of found) listener.close();
    throw error;
  }
  return found;
}
