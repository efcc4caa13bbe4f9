import { join } from 'node:path';

import type { ResponseLike } from '../http.js';
import { readFileSync } from '../internal/originals.js';
import { packageRoot } from '../internal/root.js';

/** The files of the page, which `scripts/page.mjs` makes from ./page. */
const FILES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'LICENSES.txt': 'text/plain; charset=utf-8',
};

/** The page loads nothing but its own files, and runs no script that stands in its text. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What every response has. */
export const SECURITY: Readonly<Record<string, string>> = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

const read = new Map<string, Buffer>();

/** A file of the page; undefined when there is none of that name. */
export function asset(name: string): ResponseLike {
  if (!Object.hasOwn(FILES, name)) return undefined;
  let body = read.get(name);
  if (!body) read.set(name, (body = readFileSync(join(packageRoot, 'dist/inspect/page', name))));
  return { headers: { ...SECURITY, 'Content-Type': FILES[name]!, 'Cache-Control': 'no-cache' }, body };
}
