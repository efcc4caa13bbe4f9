import { inspect } from 'node:util';

import type { Request } from './request.js';

/** What is done with a handler's error by default. */
export function print(error: unknown, request: Request): void {
  console.error(`stackful/http: ${describe(request)} failed: ${inspect(error)}`);
}

function describe(request: Request): string {
  let text: string;
  try {
    text = `${request.method} ${request.target}`;
  } catch {
    // The request was over before the handler failed, and neither was read before.
    text = 'a request';
  }
  return text;
}
