// io_torture.mjs CONVERSATIONS ROUNDS: coroutines that read and write sockets and files in every way at the
// same time, for runs with V8's torture flags; prints "ok CHECKS" or the first wrong value.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { spawn, yieldNow } from 'stackful';
import { open, readdir, readFile, stat, writeFile } from 'stackful/fs';
import { connect, listen } from 'stackful/net';

const [conversations, rounds] = process.argv.slice(2).map(Number);
const directory = mkdtempSync(join(tmpdir(), 'stackful-'));
let checks = 0;

function equal(actual, expected, what) {
  checks++;
  if (actual !== expected)
    throw new Error(`${what}: ${String(actual).slice(0, 100)} instead of ${String(expected).slice(0, 100)}`);
}

const text = (i, length) => `${i}é漢`.repeat(length).slice(0, length);

/** Answers each line with its length in bytes and the bytes. */
function serve(socket) {
  for (let line; (line = socket.readLine({ limit: 1e6 })) !== null;) {
    const bytes = Buffer.from(line);
    socket.writev([`${bytes.length}\n`, bytes, new Uint8Array(0), '|']);
  }
  socket.end();
  socket.close();
}

function converse(port, i) {
  const socket = connect({ port, host: '127.0.0.1' });
  for (let round = 0; round < rounds; round++) {
    const line = text(i * 1000 + round, [3, 300, 3000, 30_000, 100_000][(i + round) % 5]);
    const asBytes = round % 2 === 0;
    // The answer may fill the connection before the question is through.
    const writer = spawn(() => socket.write(asBytes ? Buffer.from(`${line}\n`) : `${line}\n`));
    const expected = Buffer.byteLength(line);
    equal(socket.readLine(), String(expected), 'length');
    let answer;
    if (round % 3 === 0) {
      answer = socket.readExactly(expected).toString();
    } else if (round % 3 === 1) {
      answer = socket.readUntil('|', { limit: 1e6 }).toString().slice(0, -1);
    } else {
      const bytes = Buffer.alloc(expected);
      for (let at = 0; at < expected;) at += socket.readInto(bytes.subarray(at));
      answer = bytes.toString();
    }
    equal(answer, line, 'answer');
    if (round % 3 !== 1) equal(socket.read(1).toString(), '|', 'end');
    writer.join();
  }
  socket.end();
  equal(socket.read(), null, 'end of stream');
  socket.close();
}

function files(i) {
  const path = join(directory, `file-${i}`);
  for (let round = 0; round < rounds; round++) {
    const content = text(i * 1000 + round, [0, 30, 3000, 300_000][(i + round) % 4]);
    writeFile(path, content);
    equal(readFile(path, 'utf8'), content, 'text of a file');
    equal(readFile(path).toString(), content, 'bytes of a file');
    equal(stat(path).size, Buffer.byteLength(content), 'size of a file');
    const file = open(path, 'r+');
    equal(file.write('xyz', 0), 3, 'bytes written');
    const start = Buffer.alloc(3);
    equal(file.read(start, 0, 3, 0), 3, 'bytes read');
    equal(start.toString(), 'xyz', 'what was written');
    file.close();
    equal(readdir(directory).includes(`file-${i}`), true, 'directory');
    yieldNow();
  }
}

await spawn(() => {
  writeFileSync(join(directory, 'other'), '');
  const listener = listen({ port: 0, host: '127.0.0.1' });
  spawn(() => {
    for (const socket of listener) spawn(() => serve(socket));
  });
  const { port } = listener.address;
  const all = Array.from({ length: conversations }, (_, i) => [
    spawn(() => converse(port, i)),
    spawn(() => files(i)),
  ]);
  for (const coroutine of all.flat()) coroutine.join();
  listener.close();
});
rmSync(directory, { recursive: true });
console.log(`ok ${checks}`);
