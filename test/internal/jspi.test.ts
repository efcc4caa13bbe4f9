import { describe, expect, it } from 'vitest';

import { sleep, spawn } from 'stackful';

const { WebAssembly: wasm } = globalThis as unknown as {
  WebAssembly: {
    Module: new (bytes: Uint8Array) => object;
    Instance: new (module: object, imports: object) => { exports: { g: () => void } };
  } & Record<'promising' | 'Suspending', ((f: unknown) => unknown) | undefined>;
};

/** (import "m" "f" (func)) (func (export "g") call 0) */
const BYTES = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 109, 1, 102, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 103, 0, 1, 10, 6, 1, 4, 0,
  16, 0, 11,
];

function exported(f: () => void): () => void {
  return new wasm.Instance(new wasm.Module(new Uint8Array(BYTES)), { m: { f } }).exports.g;
}

describe('WebAssembly', () => {
  it('may call what parks', async () => {
    const seen: number[] = [];
    await Promise.all([3, 1, 2].map((ms) => spawn(exported(() => { sleep(ms * 5); seen.push(ms); }))));
    expect(seen).toEqual([1, 2, 3]);
  });

  // Where Node has them: 26, and 24 with a flag.
  for (const name of ['promising', 'Suspending'] as const) {
    it.skipIf(!wasm[name])(`${name} is refused, in a coroutine and outside`, async () => {
      const refused = { code: 'ERR_CANNOT_PARK', message: expect.stringContaining(`WebAssembly.${name}`) as string };
      expect(() => wasm[name]!(exported(() => undefined))).toThrow(expect.objectContaining(refused) as Error);
      expect(() => Reflect.construct(wasm[name]!, [() => undefined]) as unknown).toThrow(expect.objectContaining(refused) as Error);
      await expect(spawn(() => wasm[name]!(exported(() => undefined)))).rejects.toMatchObject(refused);
    });
  }
});
