/** What the http bench has servers do besides answering 14 bytes: other loads, with a metric of their own each. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from './cache.js';
import { CLIENTS_SUBJECTS, ECHO_SUBJECTS, GZIP_SUBJECTS, HTTP_SUBJECTS, type HttpSubject } from './http-subjects.js';
import type { LoadPlan } from './load.js';

export interface Work {
  /** What its metrics begin with. */
  readonly prefix: string;
  readonly subjects: Readonly<Record<string, HttpSubject>>;
  readonly plan: Pick<LoadPlan, 'depth' | 'method' | 'paths'>;
}

const FILE = 'file-8k.bin';

function fileSubjects(): Readonly<Record<string, HttpSubject>> {
  const directory = cacheDirectory('one-file');
  writeFileSync(join(directory, FILE), Buffer.alloc(8192, 'knot'));
  const { 'knot-c': knot, 'knot-a': _, ...others } = CLIENTS_SUBJECTS;
  const all = Object.entries({ knot: knot!, ...others });
  return Object.fromEntries(all.map(([subject, make]) => [subject, () => make(directory)]));
}

export const WORKS: Readonly<Record<string, () => Work>> = {
  /** The same small answer, 16 requests in one packet. */
  pipelined: () => ({ prefix: 'pipelined', subjects: HTTP_SUBJECTS, plan: { depth: 16, method: 'GET', paths: ['/'] } }),
  /** A static file of 8 KiB. */
  file: () => ({ prefix: 'file', subjects: fileSubjects(), plan: { depth: 1, method: 'GET', paths: [`/${FILE}`] } }),
  /** A body of 4 KiB, sent back. */
  echo: () => ({ prefix: 'echo', subjects: ECHO_SUBJECTS, plan: { depth: 1, method: 'POST', paths: ['/'] } }),
  /** JSON of 20 KiB, made and compressed for each request. */
  gzip: () => ({ prefix: 'gzip', subjects: GZIP_SUBJECTS, plan: { depth: 1, method: 'GZIP', paths: ['/'] } }),
};
