import { describe, expect, it } from 'vitest';

import { StackMemoryError, TooManyCoroutinesError } from '../../lib/coroutine/errors.js';
import { spawnError } from '../../lib/coroutine/stacks.js';
import { RuntimeEndedError } from '../../lib/internal/errors.js';

// JavaScript cannot cause ERR_RUNTIME_ENDED, because Node runs none once it frees an environment. Other addons can.
describe('what a refused spawn throws', () => {
  it.each([
    [-1, StackMemoryError, 'ERR_STACK_MEMORY'],
    [-2, StackMemoryError, 'ERR_STACK_MEMORY'],
    [-3, TooManyCoroutinesError, 'ERR_TOO_MANY_COROUTINES'],
    [-4, RuntimeEndedError, 'ERR_RUNTIME_ENDED'],
  ])('%d: %o', (answer, type, code) => {
    const error = spawnError(answer, 1 << 20);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ code });
  });
});
