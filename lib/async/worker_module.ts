import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { invalidType } from '../internal/arguments.js';

/** The address of a module that a worker is to load. @throws TypeError (`ERR_INVALID_ARG_TYPE`), what `require.resolve` throws */
export function moduleOf(name: string, module: string | URL): string {
  if (module instanceof URL) return module.href;
  if (typeof module !== 'string') throw invalidType(name, 'of type string or an instance of URL', module);
  if (/^\.{0,2}\//.test(module)) return pathToFileURL(resolve(module)).href;
  if (URL.canParse(module)) return module;
  // Resolved from the program's folder, not from the library's.
  return pathToFileURL(createRequire(resolve('package.json')).resolve(module)).href;
}

/** An error from a worker, with the properties that the copy lacks; see `detailsOf` in ./offload_worker.js. */
export function restored(error: unknown, details: object): unknown {
  return error instanceof Error ? Object.assign(error, details) : error;
}
