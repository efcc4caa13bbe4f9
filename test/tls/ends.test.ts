import { expect, it } from 'vitest';

import { runChild } from '../support/child.js';
import { haveOpenssl, ordinary } from './certificates.js';

it.skipIf(!haveOpenssl).each([
  ['exit', 'a process ends with connections in every state'],
  ['workers', 'workers end so, too'],
  ['forgotten', 'sockets that nothing refers to are closed, and contexts freed'],
  ['flat', 'memory does not grow with the connections there were'],
])('%s: %s', async (what) => {
  const { authority, server } = ordinary();
  const env = { TEST_KEY: server.key, TEST_CERT: server.cert, TEST_CA: authority.cert };
  const result = await runChild('tls.mjs', [what], { flags: ['--expose-gc'], env });
  expect(result, result.stderr).toMatchObject({ exit: 0, stdout: 'ok\n' });
});
