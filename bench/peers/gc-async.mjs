// gc-async.mjs COUNT: the same handler as subjects/gc.mjs, six async functions deep.
import { measureCollections } from '../support/collections.mjs';

async function deep(n, id, park) {
  const local = { n, id };
  if (n === 0) for (;;) await park(id);
  return [local, await deep(n - 1, id, park)];
}

await measureCollections('async', Number(process.argv[2]), (id, park) => deep(5, id, park));
