import { sleep, yieldNow, type Coroutine } from 'stackful';

/** Returns when `coroutine` is parked, however late a loaded machine lets it run. Parks. */
export function untilParked(coroutine: Coroutine<unknown>): void {
  yieldNow();
  while (coroutine.state !== 'parked') {
    if (coroutine.state === 'done') throw new Error(`${coroutine.name} has ended`);
    sleep(0.2);
  }
}
