import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'stackful-'));
}

/** What `fn` throws. */
export function thrown(fn: () => unknown): any {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}

/** The properties of an error that must be as in Node. */
export function shown(error: any): object {
  const { name, message, code, errno, syscall, path, dest } = error;
  return { name, message, code, errno, syscall, path, dest };
}

/** The result or the error of `fn`, to compare. */
export function outcome(fn: () => unknown): unknown {
  let value;
  try {
    value = fn();
  } catch (error) {
    return shown(error);
  }
  return { value };
}
