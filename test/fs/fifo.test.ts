import { execFileSync, spawn as start } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';

import { spawn } from 'stackful';
import { readFile } from 'stackful/fs';

it('loses nothing of a writer that was waiting for a reader of its FIFO', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stackful-fifo-'));
  try {
    for (let i = 0; i < 5; i++) {
      const fifo = join(folder, String(i));
      execFileSync('mkfifo', [fifo]);
      start('sh', ['-c', `echo piped > '${fifo}'`], { stdio: 'ignore' });
      await delay(15); // the writer is most likely waiting by now; if not, nothing is tested but nothing fails
      expect(await spawn(() => readFile(fifo, 'utf8'))).toBe('piped\n');
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
