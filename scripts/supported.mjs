// Which runtimes the engine knows; package.json's "engines" and "cpu" are where they are listed. Plain JavaScript without
// dependencies, because the installation asks before anything is built.
import { readFileSync } from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const { engines, cpu } = manifest;

/** Of this package. @type {string} */
export const version = manifest.version;

const ranges = [...engines.node.matchAll(/\^(\d+)\.(\d+)/g)].map(([, major, minor]) => [Number(major), Number(minor)]);

/**
 * One line that says what is wrong with a runtime and what to do about it; undefined when it is supported.
 *
 * @param runtime `process`, or something like it
 */
export function unsupported({ platform, arch, versions }) {
  const known = ranges.map(([major]) => major);
  const nodes = `Node ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`;
  if (platform !== 'linux' || !cpu.includes(arch)) {
    return `stackful runs on Linux on x64 and arm64, and this is ${platform}-${arch}: use another machine or a container`;
  }
  if (versions.bun || versions.deno) return `stackful needs Node itself: run this with ${nodes}`;
  const [major, minor] = versions.node.split('.').map(Number);
  const range = ranges.find(([candidate]) => candidate === major);
  if (!range) return `stackful does not know Node ${versions.node}: install ${nodes} (for example: nvm install ${known.at(-1)})`;
  if (minor < range[1]) return `stackful needs Node ${range.join('.')} or newer of the ${major} line, and this is ${versions.node}: update Node`;
  return undefined;
}
