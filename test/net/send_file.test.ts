import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { spawn } from 'stackful';
import { open } from 'stackful/fs';

import { pair, pattern, readAll, sent, temporaryDirectory, thrown } from './peers.js';

describe('sendFile', () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'content');
  const bytes = pattern(3_000_000);
  writeFileSync(path, bytes);

  it('sends all or a part of a file, by File or descriptor', async () => {
    const received = await sent((socket) => {
      using file = open(path);
      expect(socket.sendFile(file)).toBe(3_000_000);
      expect(socket.sendFile(file.fd, 1000, 500)).toBe(500);
      expect(socket.sendFile(file, 2_999_999)).toBe(1);
      expect(socket.sendFile(file, 2_999_000, 5000)).toBe(1000);
      expect(socket.sendFile(file, 4_000_000)).toBe(0);
      expect(socket.sendFile(file, 0, 0)).toBe(0);
    });
    const expected = [
      bytes,
      bytes.subarray(1000, 1500),
      bytes.subarray(2_999_999),
      bytes.subarray(2_999_000),
    ];
    expect(received.equals(Buffer.concat(expected))).toBe(true);
  });

  it('is one piece among the writes of others', async () => {
    await spawn(() => {
      const { client, server, close } = pair();
      const writers = Array.from({ length: 3 }, () =>
        spawn(() => {
          using file = open(path);
          client.sendFile(file);
          client.write('-'.repeat(100_000));
        }),
      );
      const reader = spawn(() => readAll(server));
      for (const writer of writers) writer.join();
      client.end();
      let all = reader.join();
      expect(all.length).toBe(9_300_000);
      let files = 0;
      while (all.length > 0) {
        if (all.subarray(0, bytes.length).equals(bytes)) {
          files++;
          all = all.subarray(bytes.length);
        } else {
          expect(all.subarray(0, 100_000).equals(Buffer.alloc(100_000, '-'))).toBe(true);
          all = all.subarray(100_000);
        }
      }
      expect(files).toBe(3);
      close();
    });
  });

  it('tells a bad descriptor from a closed socket', async () => {
    await spawn(() => {
      const { client, close } = pair();
      expect(thrown(() => client.sendFile(1_000_000, 0, 5)).code).toBe('EBADF');
      const file = open(path);
      file.close();
      expect(thrown(() => client.sendFile(file)).code).toBe('EBADF');
      expect(thrown(() => client.sendFile(0, -1)).code).toBe('ERR_OUT_OF_RANGE');
      expect(client.closed).toBe(false);
      close();
    });
  });
});
