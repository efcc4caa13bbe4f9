// streams.mjs MEBIBYTES: a Reader over a file, and a file that flows into another one through a stream of Node's.
import { pipeline } from 'node:stream/promises';
import { spawn, wait } from 'stackful';
import { open } from 'stackful/fs';
import { Reader, toReadable, toWritable } from 'stackful/stream';
import { measureStreams } from '../support/streaming.mjs';

const lines = (path) => spawn(() => {
  const file = open(path);
  const reader = new Reader(file);
  let count = 0;
  while (reader.readLine() !== null) count++;
  file.close();
  return count;
}).promise;

const copy = (from, to) => spawn(() => wait(pipeline(toReadable(open(from)), toWritable(open(to, 'w'))))).promise;

await measureStreams('stackful', lines, copy);
