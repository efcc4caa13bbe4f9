import crypto from 'node:crypto';
import zlib from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { spawn } from 'stackful';
import { patch, unpatch } from 'stackful/patch/api';

/* Each case makes a call on the main stack, where it is Node's own, and in a coroutine: results and errors must be the same. */

beforeAll(() => { patch({ crypto: true, zlib: true }); });
afterAll(() => { unpatch(); });

const any = { ...crypto, ...zlib } as any;
const call = (name: string, args: unknown[]) => (name in zlib ? (zlib as any)[name] : (crypto as any)[name])(...args);

function outcome(make: () => any): unknown {
  try {
    const value = make();
    if (value instanceof ArrayBuffer) return ['ArrayBuffer', Buffer.from(value).toString('hex')];
    return Buffer.isBuffer(value) ? value.toString('hex') : value;
  } catch (error) {
    const { name, message, code, errno } = error as any;
    return { name, message, code, errno };
  }
}

const bad = [undefined, null, -1, 1.5, 'nope', {}, [], true, Symbol('s'), NaN, Infinity, 2 ** 40];
/** Good arguments of each; each of them is replaced by bad ones. */
const CASES: Record<string, unknown[]> = {
  pbkdf2Sync: ['password', 'salt', 10, 20, 'sha256'],
  scryptSync: ['password', 'salt', 20, { N: 16 }],
  hkdfSync: ['sha256', 'key', 'salt', 'info', 20],
  generateKeySync: ['nope', { length: 64 }],
  generatePrimeSync: [-5, {}],
  checkPrimeSync: [7n, {}],
  generateKeyPairSync: ['nope', { modulusLength: 512 }],
  randomBytes: [-5],
  randomFillSync: [5],
  argon2Sync: ['argon2id', { message: 'password', nonce: 'saltsalt', parallelism: 1, tagLength: 8, memory: 8, passes: 1 }],
};

describe('crypto', () => {
  it.each(Object.keys(CASES).filter((name) => name in crypto))('%s', async (name) => {
    const args = CASES[name]!;
    const lists = [args, ...args.flatMap((_, i) => [...bad.map((value) => args.map((arg, j) => (i === j ? value : arg))), args.slice(0, i)])];
    // Node itself ends the process for a length of hkdf that is no whole number.
    const aborts = (list: unknown[]) => name === 'hkdfSync' && typeof list[4] === 'number' && !(list[4] >>> 0 === list[4]);
    // Some bad arguments of random functions are good ones.
    const calls = lists
      .filter(([first]) => !(/random|Prime|generateKeySync/.test(name) && typeof first === 'number' && first >= 0))
      .filter((list) => !aborts(list))
      .map((list) => () => call(name, list));
    const expected = calls.map(outcome);
    expect(await spawn(() => calls.map(outcome))).toEqual(expected);
  });

  it('results that are random are of the right kind', async () => {
    await spawn(() => {
      const { publicKey, privateKey } = crypto.generateKeyPairSync('ed25519');
      expect([publicKey.type, privateKey.asymmetricKeyType]).toEqual(['public', 'ed25519']);
      const pem = crypto.generateKeyPairSync('rsa', { modulusLength: 512, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs8', format: 'der' } });
      expect([pem.publicKey.slice(0, 26), Buffer.isBuffer(pem.privateKey)]).toEqual(['-----BEGIN PUBLIC KEY-----', true]);
      expect(crypto.generateKeySync('hmac', { length: 64 }).symmetricKeySize).toBe(8);
      expect(crypto.checkPrimeSync(crypto.generatePrimeSync(32, { bigint: true }))).toBe(true);
      expect(crypto.randomBytes(100_000)).toHaveLength(100_000);
      const buffer = new Uint16Array(100_000);
      expect(crypto.randomFillSync(buffer, 50_000)).toBe(buffer);
      expect(buffer.subarray(0, 50_000).some((n) => n !== 0)).toBe(false);
      expect(buffer.subarray(50_000).some((n) => n !== 0)).toBe(true);
    });
  });
});

describe('zlib', () => {
  const data = Buffer.from('some data that repeats, '.repeat(2_000));
  const text = data.toString();
  const names = Object.keys(zlib).filter((name) => /ss?Sync$|(flate|zip|Raw)Sync$/.test(name) && !name.startsWith('create'));
  it.each(names)('%s', async (name) => {
    const back: Record<string, string> = {
      inflateSync: 'deflateSync', inflateRawSync: 'deflateRawSync', gunzipSync: 'gzipSync', unzipSync: 'gzipSync',
      brotliDecompressSync: 'brotliCompressSync', zstdDecompressSync: 'zstdCompressSync',
    };
    // A part that does not compress makes it long enough to go to a thread.
    const noise = crypto.createHash('shake256', { outputLength: 20_000 }).update('x').digest();
    const whole = back[name] ? (any[back[name]](Buffer.concat([data, noise])) as Buffer) : data;
    const broken = Buffer.from(whole);
    broken.fill(0xee, 5_000, 5_100);
    const lists: unknown[][] = [
      [whole], [whole, {}], [whole, { level: 1 }], [whole.subarray(0, 15_000)], [broken], [Buffer.alloc(10_000, 0xff)],
      [Buffer.concat([whole, whole])], [Buffer.concat([whole, Buffer.from('trailing')])], [text], [new Uint16Array(5_000)], [whole, { maxOutputLength: 100 }],
      [whole, { finishFlush: 2 }], [whole, { level: 99 }], [whole, { chunkSize: 5 }], [whole, { chunkSize: 100 }], [whole, null], [whole, 'x'], [whole, 5],
      [new ArrayBuffer(20_000)], [whole, { dictionary: Buffer.from('repeats') }], [whole, { windowBits: 9 }],
      ...bad.map((value) => [value]),
    ];
    const calls = lists.map((list) => () => call(name, list));
    const expected = calls.map(outcome);
    expect(await spawn(() => calls.map(outcome))).toEqual(expected);
  });

  it('gives the engine with `info`', async () => {
    const { buffer, engine } = await spawn(() => (zlib as any).gzipSync(data, { info: true }));
    expect([Buffer.isBuffer(buffer), engine.constructor.name]).toEqual([true, 'Gzip']);
  });
});

it('the thread goes on with other coroutines meanwhile', async () => {
  const order: string[] = [];
  await Promise.all([
    spawn(() => { crypto.pbkdf2Sync('password', 'salt', 1_000, 20, 'sha256'); order.push('key'); }),
    spawn(() => { order.push('other'); }),
  ]);
  expect(order).toEqual(['other', 'key']);
});
