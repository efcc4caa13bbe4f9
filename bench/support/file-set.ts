/** The files of the clients bench: a small set in the four size classes of SPECweb99, asked for by their weights. */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from './cache.js';

/** Bytes of a file, and how many of a thousand requests ask for the class: 9.2 KiB on average. */
const CLASSES = [
  { bytes: 512, weight: 350 },
  { bytes: 4096, weight: 500 },
  { bytes: 32768, weight: 140 },
  { bytes: 262144, weight: 10 },
];
const FILES_PER_CLASS = 5;

export interface FileSet {
  directory: string;
  /** As support/load.ts takes them. */
  paths: string[];
}

export function makeFileSet(): FileSet {
  const directory = cacheDirectory('files');
  const paths = CLASSES.flatMap(({ bytes, weight }, kind) =>
    Array.from({ length: FILES_PER_CLASS }, (_, i) => {
      const name = `class${kind}-${i}.bin`;
      const path = join(directory, name);
      if (!existsSync(path)) writeFileSync(path, Buffer.alloc(bytes, `${kind}${i}`));
      return `/${name}*${weight / FILES_PER_CLASS}`;
    }),
  );
  return { directory, paths };
}
