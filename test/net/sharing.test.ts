// One socket, read by several coroutines at the same time: what one has received and not taken is the next one's.
import { describe, expect, it } from 'vitest';

import { sleep, spawn, timeout, type Coroutine } from 'stackful';
import { pipe, type Socket } from 'stackful/net';

import { running } from '../../lib/internal/current.js';
import { pair, readAll, thrown } from './peers.js';

function untilParked(readers: Coroutine<unknown>[]): void {
  while (!readers.every((reader) => reader.state === 'parked')) sleep(1);
}

function results(readers: Coroutine<unknown>[]): unknown[] {
  return readers.map((reader) => timeout(5000, () => reader.join()));
}

function shared(body: (server: Socket, client: Socket) => void): Promise<void> {
  return spawn(() => {
    const { client, server, close } = pair();
    body(server, client);
    close();
  }).then(() => undefined);
}

describe('a coroutine that waits gets what another has received and not taken', () => {
  it('when it waits for a line', () => shared((server, client) => {
    const readers = [0, 1, 2].map(() => spawn(() => server.readLine()));
    untilParked(readers);
    client.write('one\ntwo\nthree\n');
    expect(results(readers)).toEqual(['one', 'two', 'three']);
  }));

  it.each<[string, (socket: Socket) => string]>([
    ['read', (socket) => String(socket.read())],
    ['readUntil', (socket) => String(socket.readUntil('\n'))],
    ['readExactly', (socket) => String(socket.readExactly(5))],
    ['readInto', (socket) => {
      const buffer = Buffer.alloc(10);
      return String(buffer.subarray(0, socket.readInto(buffer)));
    }],
  ])('when it waits in %s', (_, read) => shared((server, client) => {
    const readers = [spawn(() => server.readLine()), spawn(() => read(server))];
    untilParked(readers);
    client.write('line\nrest\n');
    expect(results(readers)).toEqual(['line', 'rest\n']);
  }));

  it('when it waits in pipe', () => shared((server, client) => {
    const other = pair();
    const readers = [spawn(() => server.readLine()), spawn(() => pipe(server, other.client))];
    untilParked(readers);
    client.write('line\nrest\n');
    expect(String(timeout(5000, () => other.server.readExactly(5)))).toBe('rest\n');
    client.write('and more');
    client.end();
    expect(String(readAll(other.server))).toBe('and more');
    expect(results(readers)).toEqual(['line', 13]);
    other.close();
  }));

  it('when that call has ended early', () => shared((server, client) => {
    const early = spawn(() => thrown(() => timeout(50, () => server.readExactly(10))).code as string);
    const behind = spawn(() => String(server.read()));
    untilParked([early, behind]);
    client.write('part');
    expect(results([early, behind])).toEqual(['ERR_TIMEOUT', 'part']);
  }));

  it('when it has given way before it asked the system', () => shared((server, client) => {
    client.write('a\nb\n');
    const other = spawn(() => server.readLine());
    // Its credit is spent, so the other goes first.
    running[2] = 1;
    expect(String(timeout(5000, () => server.read()))).toBe('b\n');
    expect(other.join()).toBe('a');
  }));
});
