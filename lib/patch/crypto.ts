import crypto from 'node:crypto';

import { byNode } from '../fs/by_node.js';
import { byCallback } from './by_node.js';
import { ORIGINAL, type Target } from './replacement.js';

type Park = Target['park'];

/** Below so many bytes Node has random ones ready in less time than a thread takes to begin. */
const MANY_BYTES = 64 * 1024;

/** By the function of the name without `Sync`, whose callback is the argument after `count`. */
function byName(name: string, count: number): Park {
  return (args) => byCallback(`crypto.${name}Sync`, '', (crypto as never)[name], args, count);
}

const keyPair: Park = (args) =>
  byNode('crypto.generateKeyPairSync', args[0], (done) => {
    crypto.generateKeyPair(args[0] as 'rsa', args[1] as never, (error, publicKey, privateKey) => {
      done(error, { publicKey, privateKey });
    });
  });

const randomFill: Park = (args) => {
  const [buffer, offset, size] = args as [ArrayBufferView, unknown, unknown];
  const length: unknown = size ?? (buffer as ArrayBufferView | undefined)?.byteLength;
  if (!(typeof length === 'number' && length >= MANY_BYTES)) return ORIGINAL;
  // Its callback form takes fewer arguments, but no undefined ones.
  const given = size !== undefined ? args.slice(0, 3) : args.slice(0, offset === undefined ? 1 : 2);
  if (given.includes(undefined)) return ORIGINAL;
  return byCallback('crypto.randomFillSync', '', crypto.randomFill, given, given.length);
};

const randomBytes: Park = (args) =>
  args.length === 1 && typeof args[0] === 'number' && args[0] >= MANY_BYTES
    ? byCallback('crypto.randomBytes', '', crypto.randomBytes, args, 1)
    : ORIGINAL;

const FORMS: Readonly<Record<string, Park>> = {
  argon2Sync: byName('argon2', 2),
  checkPrimeSync: byName('checkPrime', 2),
  generateKeyPairSync: keyPair,
  generateKeySync: byName('generateKey', 2),
  generatePrimeSync: byName('generatePrime', 2),
  hkdfSync: byName('hkdf', 5),
  pbkdf2Sync: byName('pbkdf2', 5),
  randomBytes,
  randomFillSync: randomFill,
  scryptSync: byName('scrypt', 4),
};

/** What `patch` replaces of node:crypto: what may take long, and has a form that runs on Node's threads. */
export function cryptoTargets(): Target[] {
  return Object.entries(FORMS).map(([key, park]) => ({ name: `crypto.${key}`, holder: crypto, key, park }));
}
