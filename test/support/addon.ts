/** Addons of the tests' own, built on first use. */

import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { runNodeGyp } from '../../scripts/addon.mjs';

/** Builds the addon in `test/NAME` for the Node that runs this; the path of the addon. Throws what the compiler says. */
export async function buildAddon(name: string): Promise<string> {
  // node-gyp only builds into ./build, so every Node has a copy of its own.
  const directory = fileURLToPath(new URL(`../../.cache/${name}/${process.arch}/${process.versions.modules}`, import.meta.url));
  cpSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), directory, { recursive: true, preserveTimestamps: true });
  const { code, output } = await runNodeGyp({ directory, args: ['configure', 'build'], quiet: true });
  if (code !== 0) throw new Error(output);
  return `${directory}/build/Release/${name}.node`;
}
