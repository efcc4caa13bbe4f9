import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { runChild } from '../support/child.js';

const run = (name: string, flags: string[] = []) => runChild('child_processes.mjs', [name], { flags });
const program = fileURLToPath(new URL('../children/child_processes.mjs', import.meta.url));
const [line] = process.versions.node.split('.').map(Number);

describe('child processes', () => {
  it('of workers that are terminated are reaped', async () => {
    expect(await run('workers')).toEqual({ exit: 0, stdout: 'still works\n', stderr: '' });
  });

  it('and those of node:child_process do not get in each other\'s way, nor a handler of SIGCHLD', async () => {
    expect(await run('both')).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
  });

  it('keep the process alive as long as a coroutine waits', async () => {
    expect(await run('alive')).toEqual({ exit: 0, stdout: '3\n', stderr: '' });
  });

  it('are refused where the permission model forbids them, as Node refuses its own', async () => {
    const flags = [line === 20 ? '--experimental-permission' : '--permission', '--allow-fs-read=*', '--allow-addons', '--no-warnings'];
    const { exit, stdout } = await run('permission', flags);
    expect(exit).toBe(0);
    const [ours, ...others] = JSON.parse(stdout) as { code: string }[];
    expect(ours!.code).toBe('ERR_ACCESS_DENIED');
    const { message: _, ...likeNodes } = others.pop() as { message?: string };
    expect(ours).toMatchObject(likeNodes);
    expect(others).toEqual([ours, ours]);
  });

  it('lead groups of their own, but not with a controlling terminal', async () => {
    const { exit, stdout } = await run('terminal');
    expect({ exit, stdout: stdout.trim() }).toEqual({ exit: 0, stdout: hasTerminal() ? 'our group' : 'a group of its own' });
    const inside = spawnSync('script', ['-qec', `'${process.execPath}' '${program}' terminal`, '/dev/null'], { encoding: 'utf8' });
    if (inside.error) return;
    expect(inside.stdout.trim()).toBe('our group');
  });
});

const hasTerminal = () => spawnSync('sh', ['-c', ': </dev/tty'], { stdio: 'ignore' }).status === 0;
