// park.mjs COUNT: handlers parked six JavaScript frames deep. Every frame's locals are used after the park.
import { sleep, spawn } from 'stackful';
import { measureParked, resultOf } from '../support/parked-memory.mjs';

let parked = 0;

function readRow(table, key) {
  const began = parked++;
  // Any park will do; a sleep is one that no deadlock detector can mistake for an error, and that a cancellation ends.
  try {
    sleep(1e9);
  } catch (error) {
    if (error.code !== 'ERR_CANCELLED') throw error;
  }
  return { text: `${table}/${key}@${began}`, key };
}

function query(table, key) {
  const limit = key + 1;
  const row = readRow(table, key);
  return { row, limit };
}

function loadUser(id) {
  const table = 'users';
  const result = query(table, id);
  return { id, table, ...result };
}

function authenticate(request) {
  const token = request.id;
  const user = loadUser(token);
  return { request, token, user };
}

function route(request) {
  const path = '/user';
  const session = authenticate(request);
  return { path, session };
}

function handle(id) {
  const request = { id };
  const answer = route(request);
  return { request, answer };
}

await measureParked('stackful', Number(process.argv[2]), {
  start: (id) => spawn(() => resultOf(handle(id))),
  parked: () => parked,
  release: (handlers) => handlers.forEach((handler) => handler.cancel()),
});
