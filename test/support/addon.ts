/** Addons of the tests' own, built on first use. */

import { cpSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { runNodeGyp } from '../../scripts/addon.mjs';

/** Builds the addon in `test/NAME` for the Node that runs this; the path of the addon. Throws with the compiler's output. */
export async function buildAddon(name: string): Promise<string> {
  // node-gyp only builds into ./build, so every Node has a copy of its own.
  const directory = fileURLToPath(new URL(`../../.cache/${name}/${process.arch}/${process.versions.modules}`, import.meta.url));
  const turn = await turnAt(directory);
  try {
    cpSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), directory, { recursive: true, preserveTimestamps: true });
    const { code, output } = await runNodeGyp({ directory, args: ['configure', 'build'], quiet: true });
    if (code !== 0) throw new Error(output);
  } finally {
    turn.close();
  }
  return `${directory}/build/Release/${name}.node`;
}

/** A lock that one process at a time holds, until it is closed. An abstract socket ends with the process that has it. */
async function turnAt(directory: string): Promise<Server> {
  for (;;) {
    const server = createServer();
    const error = await new Promise<NodeJS.ErrnoException | undefined>((done) => {
      server.once('error', done).listen(`\0build ${directory.slice(-80)}`, () => { done(undefined); });
    });
    if (!error) return server;
    if (error.code !== 'EADDRINUSE') throw error;
    await pause(50);
  }
}
