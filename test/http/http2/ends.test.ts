// What could end the process, or hold it up, runs in a child.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const children = fileURLToPath(new URL('../../children/', import.meta.url));

describe('the end of a thread that speaks HTTP/2', () => {
  it('comes in the middle of streams, of workers and of the process', async () => {
    const { stdout } = await run(process.execPath, [`${children}http2_ends.mjs`], { timeout: 60_000, killSignal: 'SIGKILL' });
    expect(stdout).toBe('ended\n');
  });
});
