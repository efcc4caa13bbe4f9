// The runtimes that the engine knows; package.json lists them in "engines" and "cpu". This is plain JavaScript without
// dependencies, because the installation (scripts/install.mjs) uses it before anything is built.
import { readFileSync } from 'node:fs';

/** The package's own manifest; undefined in a bundle, which lies in another package, or has no address. */
function readManifest() {
  try {
    const read = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    return read.name === 'stackful' ? read : undefined;
  } catch {
    return undefined;
  }
}
const manifest = readManifest();

/** The package's version; undefined in a bundle. @type {string | undefined} */
export const version = manifest?.version;

const ranges = [...(manifest?.engines.node ?? '').matchAll(/\^(\d+)\.(\d+)/g)].map(([, major, minor]) => [Number(major), Number(minor)]);

/** Whether the C library of this process is musl, as in Alpine: then its loader is mapped. Reading that takes 50 us. */
export function usesMusl() {
  try {
    return /\/ld-musl-/.test(readFileSync('/proc/self/maps', 'latin1'));
  } catch {
    return false;
  }
}

/**
 * One line that says why a runtime is not supported and what to do; undefined when it is supported.
 *
 * @param {{ platform: string, arch: string, versions: Record<string, string | undefined> }} runtime `process`, or something like it
 * @param {boolean} musl whether its C library is musl
 * @returns {string | undefined}
 */
export function unsupported({ platform, arch, versions }, musl = usesMusl()) {
  if (!manifest) {
    return 'stackful cannot be part of a bundle, its addon is a file beside it: leave it out (esbuild: --external:stackful) and '
      + 'install it where the bundle runs';
  }
  const known = ranges.map(([major]) => major);
  const nodes = `Node ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`;
  if (platform !== 'linux' || !manifest.cpu.includes(arch)) {
    return `stackful runs on Linux on x64 and arm64, and this is ${platform}-${arch}: use another machine or a container`;
  }
  for (const [name, key] of [['Bun', 'bun'], ['Deno', 'deno'], ['Electron', 'electron'], ['NW.js', 'nw']]) {
    if (versions[key]) return `stackful needs Node itself, and this is ${name} ${versions[key]}: run this with ${nodes}`;
  }
  if (musl) return `stackful needs glibc, and this Node is for musl (Alpine): use a Debian image, such as node:${known.at(-1)}-slim`;
  const [major, minor] = versions.node.split('.').map(Number);
  const range = ranges.find(([candidate]) => candidate === major);
  if (!range) return `stackful does not know Node ${versions.node}: install ${nodes} (for example: nvm install ${known.at(-1)})`;
  if (minor < range[1]) return `stackful needs Node ${range.join('.')} or newer of the ${major} line, and this is ${versions.node}: update Node`;
  return undefined;
}
