import { Semaphore, spawn } from 'stackful';
import { readFile } from 'stackful/fs';

const files = new Semaphore(4);
export const load = (path: string) => spawn(() => files.withPermit(() => readFile(path, 'utf8')));
