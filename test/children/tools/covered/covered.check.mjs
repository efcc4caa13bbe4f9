import { expect, it } from 'vitest';
import { inCoroutine } from './covered.mjs';

it('runs one branch', async () => {
  expect(await inCoroutine(true)).toBe('taken');
});
