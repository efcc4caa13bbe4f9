// Building the addon: its sources, whether a build is older than them, and the call of node-gyp.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, realpathSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const nodeGyp = join(root, 'node_modules/node-gyp/bin/node-gyp.js');

/** Newest change, in ms since the epoch, among everything that goes into the addon. */
export function newestInput() {
  let newest = Math.max(...['binding.gyp', 'package.json'].map((name) => statSync(join(root, name)).mtimeMs));
  for (const entry of readdirSync(join(root, 'native'), { recursive: true, withFileTypes: true })) {
    // Directories count as well: a removed source changes only its directory.
    if (!entry.isDirectory() && !/\.(cc|h|S)$/.test(entry.name)) continue;
    newest = Math.max(newest, statSync(join(entry.parentPath ?? entry.path, entry.name)).mtimeMs);
  }
  return newest;
}

/** True when `file` exists and is newer than everything it is built from. */
export function isCurrent(file) {
  return existsSync(file) && statSync(file).mtimeMs > newestInput();
}

/** Makes `directory` one that node-gyp takes for this package. It only builds into ./build, and each Node needs one of its own. */
export function linkSources(directory) {
  mkdirSync(directory, { recursive: true });
  for (const name of ['native', 'node_modules', 'package.json', 'binding.gyp']) {
    if (!existsSync(join(directory, name))) symlinkSync(join(root, name), join(directory, name));
  }
}

/** The directory above include/node that holds the headers of the Node at `node`, if they lie beside it. */
function headersBeside(node) {
  const prefix = dirname(dirname(realpathSync(node)));
  return existsSync(join(prefix, 'include/node/node_version.h')) ? prefix : undefined;
}

/** Gives `file` the time its build began: make does not touch it when nothing changed, and sources may change meanwhile. */
export function markBuilt(file, startedMs) {
  utimesSync(file, startedMs / 1000, startedMs / 1000);
}

/**
 * Runs node-gyp in `directory` with the Node at `node`, resolving with its exit code and, when `quiet`, its output.
 * `headers` (a directory of another Node's headers) or the headers beside that Node win over an npm_config_nodedir in the
 * environment, which may be another Node's, and over a download.
 */
export function runNodeGyp({ directory, args, node = process.execPath, headers = headersBeside(node), env, quiet = false }) {
  env = { ...process.env, JOBS: String(availableParallelism()), ...env };
  if (headers) {
    delete env.npm_config_nodedir;
    args = [...args, `--nodedir=${headers}`];
  }
  return run(node, [nodeGyp, ...args], { cwd: directory, env, quiet });
}

/** Runs a program, resolving with `{ code, output }`; a program that dies by a signal has code 128. */
export function run(command, args, { quiet = false, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit' });
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? 128, output: Buffer.concat(chunks).toString() }));
  });
}
