import { current } from '../internal/current.js';
import type { CoroutineLocal } from './coroutine_local.js';

/** A value of a CoroutineLocal, linked to the values set before it. Immutable, so coroutines share it. */
export interface LocalValue {
  readonly local: CoroutineLocal<unknown>;
  readonly value: unknown;
  readonly below: LocalValue | undefined;
}

const onMain: { locals: LocalValue | undefined } = { locals: undefined };

/** The object with the values of the running code: its coroutine, or one for the main stack. */
export function localsHolder(): { locals: LocalValue | undefined } {
  return current() ?? onMain;
}
