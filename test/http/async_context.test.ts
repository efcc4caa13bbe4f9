import { AsyncLocalStorage, executionAsyncResource } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { sleep, wait } from 'stackful';
import { exchange, get, parse, start } from './helpers.js';

const storage = new AsyncLocalStorage<string>();

async function bodies(server: ReturnType<typeof start>, ...paths: string[]): Promise<string[]> {
  return parse(await exchange(server, ...paths.map((path) => get(path)))).map(({ body }) => body);
}

describe('what a request has entered', () => {
  for (const [name, pause] of [['without waiting', () => undefined], ['and waits', () => { sleep(2); }]] as const) {
    it(`is not there for the next on its connection: ${name}`, async () => {
      const server = start((request) => {
        const before = storage.getStore();
        if (request.path !== '/look') storage.enterWith(request.path);
        pause();
        return `${String(before)} ${String(storage.getStore())}`;
      });
      // Pipelined, and one after the other.
      expect(await bodies(server, '/a', '/b', '/look', '/c', '/look')).toEqual([
        'undefined /a', 'undefined /b', 'undefined undefined', 'undefined /c', 'undefined undefined',
      ]);
      const pipelined = parse(await exchange(server, ['/a', '/b', '/look'].map((path) => get(path)).join('')));
      expect(pipelined.map(({ body }) => body)).toEqual(['undefined /a', 'undefined /b', 'undefined undefined']);
    });

    it(`gives way to what the server was started with: ${name}`, async () => {
      const server = storage.run('outer', () => start((request) => {
        const before = storage.getStore();
        if (request.path !== '/look') storage.enterWith(request.path);
        pause();
        return `${String(before)} ${String(storage.getStore())}`;
      }));
      expect(await bodies(server, '/a', '/look', '/b')).toEqual(['outer /a', 'outer outer', 'outer /b']);
    });

    it(`is no other request's: ${name}`, async () => {
      const server = start((request) => {
        storage.enterWith(request.path);
        pause();
        sleep(1);
        wait(new Promise((resolve) => setImmediate(resolve)));
        return storage.getStore()!;
      });
      const all = await Promise.all(Array.from({ length: 20 }, (_, i) => bodies(server, `/${String(i)}`, `/${String(i)}b`)));
      expect(all).toEqual(all.map((_, i) => [`/${String(i)}`, `/${String(i)}b`]));
      expect(storage.getStore()).toBeUndefined();
    });
  }

  it('goes along with what it has started', async () => {
    const later: (string | undefined)[] = [];
    const server = start((request) => {
      storage.enterWith(request.path);
      setTimeout(() => later.push(storage.getStore()), 20);
      return '';
    });
    await bodies(server, '/a', '/b');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(later).toEqual(['/a', '/b']);
  });

  it('lies on a resource of its own', async () => {
    const resources = new Set<object>();
    const server = start(() => {
      resources.add(executionAsyncResource());
      sleep(1);
      resources.add(executionAsyncResource());
      return '';
    });
    await bodies(server, '/a', '/b', '/c');
    // The first request may have come before any code had asked for resources.
    expect(resources.size).toBeGreaterThanOrEqual(3);
  });
});
