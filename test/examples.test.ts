import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const example = (name: string) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));

describe('the examples', () => {
  it('echo', async () => {
    expect(await run(process.execPath, [example('echo.mjs')])).toEqual({ stdout: 'echoed: one line\n', stderr: '' });
  });

  it('shortest_first', async () => {
    const { stdout, stderr } = await run(process.execPath, [example('shortest_first.mjs')]);
    expect({ order: stdout.match(/^\w+/gm), stderr }).toEqual({ order: ['page', 'picture', 'song', 'film'], stderr: '' });
  });

  it.each([[], ['workers']])('philosophers %s', async (...kind) => {
    const { stdout, stderr } = await run(process.execPath, [example('philosophers.mjs'), ...kind]);
    const all = ['Aristotle', 'Hypatia', 'Kant', 'Laozi', 'Plato'].map((name) => `${name} has had 3 meals\n`);
    expect({ stdout, stderr }).toEqual({ stdout: all.join(''), stderr: '' });
  });

  it('pipeline', async () => {
    const { stdout, stderr } = await run(process.execPath, [example('pipeline.mjs')]);
    expect(stdout).toMatch(/^the page has \d+ characters; the backend was asked for \/hello\n$/);
    expect(stderr).toBe('');
  });
});
