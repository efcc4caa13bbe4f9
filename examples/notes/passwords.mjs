// Passwords, kept as what scrypt makes of them: `scrypt$<cost>$<salt>$<key>`.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { Semaphore, waitCallback } from 'stackful';

const COST = 2 ** 14;
const BLOCK = 8;
const KEY_BYTES = 32;
/** Each takes 16 MiB and one of Node's four threads for some 50 ms: a crowd that logs in waits here, and files do not. */
const permits = new Semaphore(2);

function keyOf(password, salt, cost) {
  // scrypt runs on a thread of Node's. This coroutine waits for its callback, and others run.
  return permits.withPermit(() => waitCallback((done) => scrypt(password, salt, KEY_BYTES, { N: cost, r: BLOCK }, done)));
}

/** What is kept of a password. */
export function hash(password) {
  const salt = randomBytes(16);
  return ['scrypt', COST, salt.toString('base64'), keyOf(password, salt, COST).toString('base64')].join('$');
}

/** For users that do not exist: an answer for them takes as long as for those that do. */
const NO_ONE = ['scrypt', COST, randomBytes(16).toString('base64'), randomBytes(KEY_BYTES).toString('base64')].join('$');

/** Whether `password` is the one of which `kept` was made; false where `kept` is undefined. */
export function matches(password, kept = NO_ONE) {
  const [, cost, salt, key] = kept.split('$');
  return timingSafeEqual(keyOf(password, Buffer.from(salt, 'base64'), Number(cost)), Buffer.from(key, 'base64'));
}
