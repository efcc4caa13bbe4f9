import { fail } from './codes.js';
import { running } from './current.js';
import { native } from './native.js';

const { spendCredit } = native;

/**
 * Begins every call that may have to wait: throws, before the call does anything, what a parking call would throw here; and
 * lets other coroutines run when the credit is spent, because one that never has to wait would keep them out for ever. Parks.
 */
export function checkTurn(operation: string): void {
  const code = --running[2]! <= 0 ? spendCredit() : running[1]!;
  if (code < 0) fail(code, operation);
}
