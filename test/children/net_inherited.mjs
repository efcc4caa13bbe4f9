// net_inherited.mjs: starts itself as systemd would, with listening sockets as descriptors 3 and 4.
import { spawn as start } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { spawn } from 'stackful';
import { connect, inheritedListeners, listen } from 'stackful/net';

if (process.env.LISTEN_FDS) {
  // exec keeps the number of the process, which systemd knows.
  const listeners = inheritedListeners();
  const names = listeners.map(({ name }) => name).join();
  if (names !== 'web,unknown') throw new Error(names);
  if ('LISTEN_FDS' in process.env || 'LISTEN_PID' in process.env) throw new Error('the variables are still there');
  if (inheritedListeners().length !== 0) throw new Error('inherited twice');
  for (const { listener } of listeners) {
    spawn(() => {
      const socket = listener.accept();
      socket.write(`served by ${listener.address.port}`);
      socket.close();
      listener.close();
    });
  }
} else {
  const servers = [1, 2].map(() => listen({ host: '127.0.0.1', port: 0 }));
  const command = `LISTEN_PID=$$ exec "$0" "$1"`;
  const child = start('/bin/sh', ['-c', command, process.execPath, fileURLToPath(import.meta.url)], {
    env: { ...process.env, LISTEN_FDS: '2', LISTEN_FDNAMES: 'web' },
    stdio: ['ignore', 'inherit', 'inherit', ...servers.map(({ fd }) => fd)],
  });
  await spawn(() => {
    for (const server of servers) {
      const { port } = server.address;
      const socket = connect({ port, host: '127.0.0.1' });
      const text = String(socket.readExactly(`served by ${port}`.length));
      socket.close();
      if (text !== `served by ${port}`) throw new Error(text);
    }
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the server ended with ${code}`);
  for (const server of servers) server.close();
  console.log('ok');
}
