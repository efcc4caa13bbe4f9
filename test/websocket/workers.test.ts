// WebSockets in workers, also in ones that are ended at any moment.
import { expect, it } from 'vitest';

import { runChild } from '../support/child.js';

it('run in workers, and go with them', async () => {
  const { exit, stdout, stderr } = await runChild('websocket_workers.mjs');
  expect({ exit, stdout, stderr }).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
});
