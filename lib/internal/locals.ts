import { current } from '../coroutine.js';
import type { CoroutineLocal } from '../coroutine_local.js';

/** A value that a CoroutineLocal has, and those that it lies upon. Never changes, so coroutines share it. */
export interface LocalValue {
  readonly local: CoroutineLocal<unknown>;
  readonly value: unknown;
  readonly below: LocalValue | undefined;
}

const onMain: { locals: LocalValue | undefined } = { locals: undefined };

/** What keeps the values of the code that runs. */
export function localsHolder(): { locals: LocalValue | undefined } {
  return current() ?? onMain;
}
