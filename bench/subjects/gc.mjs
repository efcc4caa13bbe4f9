// gc.mjs COUNT: handlers parked six JavaScript frames deep, over and over.
import { spawn, wait } from 'stackful';
import { measureCollections } from '../support/collections.mjs';

function deep(n, id, park) {
  const local = { n, id };
  if (n === 0) for (;;) wait(park(id));
  return [local, deep(n - 1, id, park)];
}

await measureCollections('stackful', Number(process.argv[2]), (id, park) => spawn(() => deep(5, id, park)));
