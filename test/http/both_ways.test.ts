// A response that one coroutine sends while another one reads the request's body, on one connection.
import { expect, it } from 'vitest';
import { Channel, spawn } from 'stackful';

import { get, open, parse, readAll, start, until } from './helpers.js';

it('a body is read in one coroutine while another one sends the response', async () => {
  const server = start((request) => {
    const pieces = new Channel<string>(1);
    spawn(() => {
      for (const piece of request.chunks(Infinity)) pieces.send(String(piece));
      pieces.close();
    });
    return { body: (function* () { yield 'ready;'; for (const piece of pieces) yield piece; })() };
  });
  const socket = await open(server);
  let got = '';
  socket.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')));
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  // It answers before there is a body, and goes on for as long as that does.
  await until(() => got.includes('ready;'));
  for (const piece of ['one', 'two', 'three']) {
    socket.write(`${piece.length}\r\n${piece}\r\n`);
    await until(() => got.includes(piece));
  }
  socket.write(`0\r\n\r\n${get('/', 'Connection: close')}`);
  await until(() => got.includes('three\r\n0\r\n\r\n'));
  socket.destroy();
  expect(parse(got)[0]!.body).toBe('ready;onetwothree');
  expect(server.errors).toEqual([]);
});

it('large amounts pass both ways, although neither side waits for the other', async () => {
  const size = 20_000_000;
  const server = start((request) => {
    const pieces = new Channel<Buffer>(4);
    spawn(() => {
      for (const piece of request.chunks(Infinity)) pieces.send(piece);
      pieces.close();
    });
    return { headers: { 'Content-Length': size }, body: pieces };
  });
  const socket = await open(server);
  socket.write(`POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n`);
  const sent = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz');
  socket.write(sent);
  const [answer] = parse(await readAll(socket));
  expect(Buffer.from(answer!.body, 'latin1').equals(sent)).toBe(true);
  expect(server.errors).toEqual([]);
});
