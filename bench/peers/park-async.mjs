// park-async.mjs COUNT: the same handler as subjects/park.mjs, six async functions deep.
import { measureParked, resultOf } from '../support/parked-memory.mjs';

let parked = 0;
let release;
// The cheapest thing to wait for: one promise for all.
const gate = new Promise((resolve) => (release = resolve));

async function readRow(table, key) {
  const began = parked++;
  await gate;
  return { text: `${table}/${key}@${began}`, key };
}

async function query(table, key) {
  const limit = key + 1;
  const row = await readRow(table, key);
  return { row, limit };
}

async function loadUser(id) {
  const table = 'users';
  const result = await query(table, id);
  return { id, table, ...result };
}

async function authenticate(request) {
  const token = request.id;
  const user = await loadUser(token);
  return { request, token, user };
}

async function route(request) {
  const path = '/user';
  const session = await authenticate(request);
  return { path, session };
}

async function handle(id) {
  const request = { id };
  const answer = await route(request);
  return { request, answer };
}

await measureParked('async', Number(process.argv[2]), {
  start: async (id) => resultOf(await handle(id)),
  parked: () => parked,
  release,
});
