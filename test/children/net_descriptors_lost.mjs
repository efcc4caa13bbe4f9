// net_descriptors_lost.mjs: descriptors that arrive when this process may open no more files.
import { closeSync, openSync, readdirSync } from 'node:fs';
import { execFileSync } from 'node:child_process';

import { spawn } from 'stackful';
import { connect, listen } from 'stackful/net';

await spawn(() => {
  const listener = listen({ path: `\0net_descriptors_lost ${process.pid}` });
  const client = connect({ path: listener.address.address });
  const server = listener.accept();
  client.sendDescriptors([0, 1, 2], 'bytes');
  const limit = readdirSync('/proc/self/fd').length + 20;
  execFileSync('prlimit', [`--pid=${process.pid}`, `--nofile=${limit}:${limit}`]);
  const opened = [];
  try {
    for (;;) opened.push(openSync('/dev/null', 'r'));
  } catch (error) {
    if (error.code !== 'EMFILE') throw error;
  }
  // Room for one of three.
  closeSync(opened.pop());
  let code;
  try {
    server.receiveDescriptors();
  } catch (error) {
    code = error.code;
  }
  if (code !== 'ERR_DESCRIPTORS_LOST') throw new Error(`the error is ${code}`);
  // The one that came was closed.
  opened.push(openSync('/dev/null', 'r'));
  if (String(server.readExactly(5)) !== 'bytes') throw new Error('the bytes are lost');
  console.log('ok');
  for (const fd of opened) closeSync(fd);
  for (const one of [client, server, listener]) one.close();
});
