import { spawn, type Coroutine } from '../coroutine/coroutine.js';

/**
 * The calls of a stream on its source or sink: one at a time, each in a coroutine of its own. Each ends in `done` or in `failed`: a
 * stream that hears of neither waits for ever.
 */
export class Calls {
  private running: Coroutine<unknown> | undefined;

  run<T>(call: () => T, done: (value: T) => void, failed: (error: unknown) => void): void {
    let self: Coroutine<T>;
    try {
      self = this.running = spawn(call);
    } catch (error) {
      // There are as many coroutines as there may be, or there is no memory for one.
      failed(error);
      return;
    }
    const over = () => { if (this.running === self) this.running = undefined; };
    self.then(
      (value) => {
        over();
        done(value);
      },
      (error: unknown) => {
        over();
        failed(error);
      },
    );
  }

  /** Ends the call that is under way early. */
  cancel(): void {
    this.running?.cancel();
  }

  /** Cancels the call that is under way, and when it has ended closes the source or sink; `done` gets what that throws. */
  end(close: () => void, done: (error?: unknown) => void): void {
    const closed = () => {
      try {
        close();
      } catch (error) {
        done(error);
        return;
      }
      done();
    };
    const { running } = this;
    if (!running) {
      closed();
      return;
    }
    running.cancel();
    running.then(closed, closed);
  }
}
