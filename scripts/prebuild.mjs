// npm run prebuild
//
// Builds prebuilds/linux-ARCH/node.abiNNN.node for every supported Node, to be packed by `npm pack`, for x64 and arm64. Without
// the cross compiler it leaves out the architecture that is not this machine's, and says so.
import { readFileSync } from 'node:fs';
import { root, run } from './addon.mjs';

/** The command that npm runs, which it shows in its title. */
function npmCommand() {
  for (let pid = process.ppid; pid > 1; ) {
    const title = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    if (title.startsWith('npm ')) return title;
    pid = Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 1);
  }
  return '';
}

// npm runs a script of this name before every `npm run build`, too. That is not meant.
if (!/ build\b/.test(npmCommand())) {
  for (const arch of ['x64', 'arm64']) {
    const { code } = await run(process.execPath, ['scripts/matrix.mjs', '--arch', arch], { cwd: root });
    process.exitCode ||= code;
  }
}
