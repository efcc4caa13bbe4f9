import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The folder of the library's own code, `dist/`, with a slash at the end: as a URL, as scripts are named, and as a path. All
 * of the code has to lie there, because a frame is the library's if its script is: no time slice ends in such a frame, and it
 * is no spawn site. test/internal/root.test.ts checks that.
 *
 * Both are empty in a bundle without an address, which never loads the addon.
 */
export const rootUrl = import.meta.url ? new URL('..', import.meta.url).href : '';
export const root = rootUrl && fileURLToPath(rootUrl);

/** The package's directory, with `package.json` and the addon. */
export const packageRoot = join(root, '..');
