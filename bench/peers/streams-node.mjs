// streams-node.mjs MEBIBYTES: the same by node:readline and the streams of node:fs.
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { measureStreams } from '../support/streaming.mjs';

async function lines(path) {
  let count = 0;
  // The faster of its two ways: `for await` takes twice as long.
  const reader = createInterface({ input: createReadStream(path) });
  reader.on('line', () => { count++; });
  await new Promise((done) => { reader.on('close', done); });
  return count;
}

await measureStreams('node', lines, (from, to) => pipeline(createReadStream(from), createWriteStream(to)));
