// Running another architecture's Node on this machine, under qemu-user: the tools that compile for it and run it.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './addon.mjs';
import { fetchPackage } from './fetch_package.mjs';

/** Names of Debian's cross compiler and of QEMU, by Node's name of the architecture. */
const TARGETS = { arm64: { cross: 'aarch64-linux-gnu', qemu: 'qemu-aarch64' } };

/** Is it another architecture than this machine's? */
export const emulated = (arch) => arch !== process.arch;

/** Why nothing can be compiled for `arch` here, or undefined. */
export function cannotCompile(arch) {
  const target = TARGETS[arch];
  if (!target) return `there is no cross compiler for ${arch} on ${process.arch} that we know`;
  if (spawnSync(`${target.cross}-g++`, ['--version']).status === 0) return undefined;
  return `no ${target.cross}-g++ (Debian: apt-get install g++-${target.cross})`;
}

/** The environment variables that make node-gyp compile for `arch`. */
export function crossCompiler(arch) {
  const { cross } = TARGETS[arch];
  return { CC: `${cross}-gcc`, CXX: `${cross}-g++`, AR: `${cross}-gcc-ar`, LINK: `${cross}-g++` };
}

/** Why QEMU cannot run programs for `arch`, or undefined. */
export function noEmulator(arch) {
  const { qemu } = TARGETS[arch];
  return spawnSync(qemu, ['--version']).status === 0 ? undefined : `no ${qemu} (Debian: apt-get install qemu-user)`;
}

/** The directory of `arch`'s C library; QEMU looks under it for absolute paths that a program opens. */
const libraries = (arch) => `/usr/${TARGETS[arch].cross}`;

/** The command, with its first arguments, that runs a program for `arch`. */
export const emulator = (arch) => [TARGETS[arch].qemu, '-L', libraries(arch)];

/** Why the kernel does not run `node` like any program, so that it can start itself again; or undefined. */
export function cannotRun(arch, node) {
  const { status } = spawnSync(node, ['--version'], { env: { QEMU_LD_PREFIX: libraries(arch) } });
  if (status === 0) return undefined;
  return `the kernel does not hand its programs to ${TARGETS[arch].qemu} (Debian: apt-get install qemu-user-binfmt, and enable it)`;
}

/**
 * The environment in which a Node of `arch` runs its programs, vitest and node-gyp, which would otherwise take this
 * machine's compiler. esbuild is a program of its own, so this machine's will do; rollup is a library, and comes from npm for
 * the other architecture.
 */
export async function guestEnvironment(arch) {
  if (!emulated(arch)) return {};
  const modules = join(root, '.cache/nodes', `linux-${arch}`, 'node_modules');
  const name = `@rollup/rollup-linux-${arch}-gnu`;
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules/rollup/package.json'), 'utf8'));
  await fetchPackage(name, version, join(modules, name));
  return {
    ...crossCompiler(arch),
    QEMU_LD_PREFIX: libraries(arch),
    NODE_PATH: modules,
    ESBUILD_BINARY_PATH: join(root, `node_modules/@esbuild/linux-${process.arch}/bin/esbuild`),
  };
}
