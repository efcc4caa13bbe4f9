import type { Coroutine } from '../coroutine/coroutine.js';

/** The `parkedOn` texts of coroutines that are parked on something for which the scheduler has no number. */
export const parkDetails = new Map<Coroutine, () => string>();
