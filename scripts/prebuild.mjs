// npm run prebuild
//
// Builds prebuilds/linux-x64/node.abiNNN.node for every supported Node, to be packed by `npm pack`.
import { readFileSync } from 'node:fs';
import { root, run } from './addon.mjs';

/** What npm was asked to run: it shows that in its title. */
function npmCommand() {
  for (let pid = process.ppid; pid > 1; ) {
    const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    if (title.startsWith('npm ')) return title;
    pid = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 1);
  }
  return '';
}

// npm takes a script of this name for what has to run before every `npm run build`. That is not what is meant.
if (!/ build\b/.test(npmCommand())) {
  const { code } = await run(process.execPath, ['scripts/matrix.mjs', process.execPath, '--version'], { cwd: root });
  process.exitCode = code;
}
