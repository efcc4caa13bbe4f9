/** The packed package, as npm unpacks it in a user's project. */

import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { addonFile, addonFiles } from '../../scripts/addon_file.mjs';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Project {
  directory: string;
  /** Where the package is. */
  installed: string;
  /** The same as an archive, for `npm install`. */
  archive: () => string;
  /** Runs Node in the project, where there is no other program. */
  node: (args: string[], env?: NodeJS.ProcessEnv, cwd?: string) => SpawnSyncReturns<string>;
  remove: () => void;
}

/** A project with the packed package in it, the dependencies of which are this folder's. */
export function installPackage(): Project {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-package-'));
  const installed = join(directory, 'node_modules/stackful');
  mkdirSync(installed, { recursive: true });
  mkdirSync(join(directory, 'bin'));
  symlinkSync(process.execPath, join(directory, 'bin/node'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(root, 'node_modules', name), join(directory, 'node_modules', name));
  }
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory], { cwd: root });
  const archive = readdirSync(directory).find((name) => name.endsWith('.tgz'))!;
  execFileSync('tar', ['xzf', join(directory, archive), '-C', installed, '--strip-components=1']);
  // Without `npm run prebuild` before, the addon that was built here stands for the one it would have made.
  const [prebuild] = addonFiles(installed, { ...process, env: { PREBUILDS_ONLY: '1' } });
  if (!existsSync(prebuild!) || !process.env.PREBUILDS_ONLY) {
    mkdirSync(dirname(prebuild!), { recursive: true });
    copyFileSync(addonFile(root, process)!, prebuild!);
  }
  const base = { PATH: join(directory, 'bin'), CC: '/bin/false', CXX: '/bin/false' };
  return {
    directory,
    installed,
    archive: () => {
      // CI names the one that prepack has filled.
      if (process.env.STACKFUL_PACKAGE) return process.env.STACKFUL_PACKAGE;
      const file = join(directory, 'with-addon.tgz');
      execFileSync('tar', ['czf', file, '-C', dirname(installed), 'stackful']);
      return file;
    },
    node: (args, env, cwd = directory) => spawnSync(process.execPath, args, { cwd, env: { ...base, ...env }, encoding: 'utf8' }),
    remove: () => { rmSync(directory, { recursive: true, force: true }); },
  };
}
