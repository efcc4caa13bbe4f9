/**
 * What the bytes of a WebSocket go through: a Socket of `stackful/net`, or a stream of HTTP/2. Native code reads and writes the bytes of
 * one with a `handle`, so that a small message costs one call and one system call.
 */
export interface Carrier {
  /** The number of a socket of net, or of a stream; undefined: its bytes go through the calls below. */
  readonly handle?: number;
  /** Whether what was sent before `end` reaches a peer of whose bytes some are unread when `close` is called. */
  readonly closesCleanly?: boolean;
  /** How many bytes it has taken that the system does not have yet. */
  readonly buffered?: number;
  /** The next bytes; null at the end. Parks. */
  read(): Buffer | null;
  /** Sends all of `data`, whole among the writes of other coroutines. Parks. */
  write(data: Uint8Array): void;
  /** Ends what is sent. Parks. */
  end(): void;
  /** Ends both directions; parked calls throw. Never parks. */
  close(): void;
  /** Throws the error of a code that a native call on `handle` has returned. */
  fail?(code: number, operation: string, syscall: string): never;
}
