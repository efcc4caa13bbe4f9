// The place of the addon for a Node: the code that loads, installs and builds it uses this file.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The files that may hold the addon for a runtime, best first. Their names say for which ABI they are: an addon for another
 * Node must not even be opened, because the process would end in the middle of a call ("symbol lookup error", exit code 127).
 *
 * @param root the package's directory
 * @param runtime `process`, or something like it
 */
export function addonFiles(root, { arch, versions, env = {} }) {
  const prebuilt = join(root, 'prebuilds', `linux-${arch}`, `node.abi${versions.modules}.node`);
  // `npm run matrix` sets it: take the addon that was built there, not the developer's own.
  if (env.PREBUILDS_ONLY) return [prebuilt];
  return [...['Release', 'Debug'].map((name) => join(root, 'build', name, `stackful.abi${versions.modules}.node`)), prebuilt];
}

/** The first of them that exists, or undefined. */
export function addonFile(root, runtime) {
  return addonFiles(root, runtime).find((file) => existsSync(file));
}

/**
 * What to do about an addon that is missing or broken: a command that npm's policy for scripts does not block.
 * `npm rebuild stackful` is shorter, but npm 12 answers "rebuilt dependencies successfully" where the package's install script
 * is not approved, and has run nothing.
 */
export function repair(root) {
  const script = join(root, 'scripts/install.mjs');
  return `run "node ${/^[\w@%+=:,./-]+$/.test(script) ? script : `'${script.replaceAll("'", "'\\''")}'`}"`;
}

/** One line that says that there is no addon, and what to do. */
export function noAddon(root, { arch, versions }) {
  let others = [];
  try {
    others = readdirSync(join(root, 'prebuilds', `linux-${arch}`)).flatMap((name) => /^node\.abi(\d+)\.node$/.exec(name)?.[1] ?? []);
  } catch {
    // None at all.
  }
  const have = others.length > 0 ? `, only for ABI ${others.join(', ')}` : '';
  return `stackful has no addon for Node ${versions.node} (ABI ${versions.modules}, ${arch})${have}: ${repair(root)}`;
}
