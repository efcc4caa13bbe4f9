import { signalIn } from '../internal/parking.js';
import { failSocket } from '../net/failure.js';
import { DELIMITED } from '../net/buffered.js';
import { Socket, type DelimiterOptions } from '../net/socket.js';
import { childCloseEnd } from './native.js';

/** As much as `maxBuffer` allows: a program's lines are longer than a protocol's. */
const LONGEST_LINE = 1024 * 1024;

/**
 * Our end of a child's standard input, output or error: a {@link Socket}, without addresses. Standard input can be written,
 * the others read; a descriptor from 3 on both.
 */
export class ChildPipe extends Socket {
  /** @internal */
  constructor(
    handle: number,
    private readonly bothWays: boolean,
  ) {
    super(handle);
  }

  /**
   * The lines that come, as `readLine` gives them, until the end of the stream; the longest has 1 MiB, if there is no `limit`.
   * Each step parks. Leaving the loop does not close the pipe.
   *
   * @throws ReadLimitError (`ERR_READ_LIMIT`)
   */
  lines(options?: DelimiterOptions): Iterable<string> {
    signalIn('socket.readLine', options, DELIMITED);
    const each = { ...options, limit: options?.limit ?? LONGEST_LINE };
    const next = (): IteratorResult<string, undefined> => {
      const line = this.readLine(each);
      return line === null ? { done: true, value: undefined } : { done: false, value: line };
    };
    return { [Symbol.iterator]: () => ({ next }) };
  }

  /**
   * Sends the end of the stream, after writes under way, for which it may park: the child finds the end of its standard
   * input. Closing it again does nothing.
   */
  override end(): void {
    if (this.bothWays) {
      super.end();
      return;
    }
    if (this.closed) return;
    const result = childCloseEnd(this.handle);
    if (result < 0) failSocket(this.handle, result, 'socket.end', 'close');
    this.close();
  }
}
