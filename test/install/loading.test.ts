/** The library loaded more than once in a thread, or from where it does not lie. */

import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync, type Format } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { addonFiles } from '../../scripts/addon_file.mjs';
import { installPackage, type Project } from '../support/installed.js';

let project: Project;
beforeAll(() => { project = installPackage(); });
afterAll(() => { project.remove(); });

function run(name: string, program: string, args: string[] = []): { status: number | null; stdout: string; stderr: string } {
  writeFileSync(join(project.directory, name), program);
  const { status, stdout, stderr } = project.node([...args, name]);
  return { status, stdout, stderr };
}

/** A dependency that brings a copy of its own, and hands it out. */
function addDependency(name: string, version?: string): string {
  const directory = join(project.directory, 'node_modules', name);
  const copy = join(directory, 'node_modules/stackful');
  cpSync(project.installed, copy, { recursive: true });
  writeFileSync(join(directory, 'package.json'), `{ "name": "${name}", "type": "module", "exports": { "./*": "./*.js" } }`);
  for (const [file, module] of [['index', 'stackful'], ['net', 'stackful/net'], ['patch', 'stackful/patch/api']] as const) {
    writeFileSync(join(directory, `${file}.js`), `export * from '${module}';`);
  }
  if (version === undefined) return copy;
  const manifest = join(copy, 'package.json');
  const { version: before, ...rest } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  writeFileSync(manifest, JSON.stringify({ ...rest, version }));
  const [addon] = addonFiles(copy, { ...process, env: { PREBUILDS_ONLY: '1' } });
  const bytes = readFileSync(addon!);
  expect(version).toHaveLength(before.length);
  bytes.write(version, bytes.indexOf(`${before}\0`), 'latin1');
  writeFileSync(addon!, bytes);
  return copy;
}

describe('two copies in one tree', () => {
  it('of one version are one', () => {
    addDependency('first');
    const program = `
      import * as one from 'stackful';
      import * as other from 'first/index';
      // Only the copy has been asked for its sockets.
      import { listen, connect } from 'first/net';
      const mine = one.spawn(() => {
        other.sleep(1);
        const listener = listen({ port: 0 });
        const client = other.spawn(() => connect({ port: listener.address.port }).write('hello'));
        const text = String(listener.accept().read());
        client.join();
        listener.close();
        return [text, other.current() === mine, mine instanceof other.Coroutine, one.coroutines().length];
      });
      console.log(JSON.stringify(await mine));
      try { other.sleep(1); } catch (error) { console.log(error instanceof one.NotInCoroutineError); }
    `;
    expect(run('copies.mjs', program)).toEqual({ status: 0, stdout: '["hello",true,true,1]\ntrue\n', stderr: '' });
  });

  it('patch once, and either takes it back', () => {
    addDependency('third');
    const program = `
      import fs from 'node:fs';
      import { patch, patched, unpatch } from 'stackful/patch/api';
      import * as other from 'third/patch';
      const { patched: names } = patch({ fs: ['statSync', 'lstatSync'] });
      const first = fs.statSync;
      const again = other.patch({ fs: ['statSync'] });
      console.log(names.join(), again.patched.join(), again.left.length, fs.statSync === first, other.patched().join() === patched().join());
      other.unpatch();
      console.log(patched().length, Symbol.for('stackful.patched') in fs.lstatSync);
    `;
    expect(run('patches.mjs', program)).toEqual({ status: 0, stdout: 'fs.lstatSync,fs.statSync fs.lstatSync,fs.statSync 0 true true\n0 false\n', stderr: '' });
  });

  it('of different versions are refused, with both and where they are', () => {
    const copy = addDependency('second', '9.8.7');
    const program = `
      import { spawn } from 'stackful';
      const { code, message } = await import('second/index').catch((error) => error);
      console.log(code, message);
      console.log(await spawn(() => 42));
    `;
    const { status, stdout } = run('versions.mjs', program);
    const [line, still] = stdout.split('\n');
    expect(line).toMatch(/^ERR_LOADED_TWICE stackful was loaded twice in this thread: 0\.\d+\.\d+ in .* and 9\.8\.7 in /);
    expect(line).toContain(join(project.installed, 'dist'));
    expect(line).toContain(join(copy, 'dist'));
    // The first one does not suffer.
    expect(still).toBe('42');
    expect(status).toBe(0);
  });
});

describe('a second load in one place', () => {
  it('by require() and import is one', () => {
    const program = `
      import { createRequire } from 'node:module';
      import * as imported from 'stackful';
      const required = createRequire(import.meta.url)('stackful');
      console.log(Object.keys(imported).length > 40, Object.keys(imported).every((name) => imported[name] === required[name]));
    `;
    expect(run('both.mjs', program)).toMatchObject({ status: 0, stdout: 'true true\n' });
  });

  it('in a context of node:vm, even the first, hands out what Node\'s own context has', () => {
    const program = `
      import { createContext, SourceTextModule } from 'node:vm';
      import { readFileSync } from 'node:fs';
      import { fileURLToPath, pathToFileURL } from 'node:url';
      import { SyntheticModule } from 'node:vm';
      import { isBuiltin } from 'node:module';
      const loaded = [];
      for (let i = 0; i < 2; i++) {
        const context = createContext({ process, performance, setImmediate, setTimeout, clearTimeout, AbortController, AbortSignal, Buffer, URL, queueMicrotask });
        const modules = new Map();
        const load = async (address) => {
          if (modules.has(address)) return modules.get(address);
          let module;
          if (isBuiltin(address) || address.endsWith('.cjs')) {
            const namespace = await import(address);
            module = new SyntheticModule(Object.keys(namespace), function () { for (const name in namespace) this.setExport(name, namespace[name]); }, { context });
          } else {
            module = new SourceTextModule(readFileSync(fileURLToPath(address), 'utf8'), {
              context, identifier: address, initializeImportMeta: (meta) => { meta.url = address; },
            });
          }
          modules.set(address, module);
          return module;
        };
        const link = (name, from) => load(isBuiltin(name) ? name : name.startsWith('.') ? new URL(name, from.identifier).href : import.meta.resolve(name));
        const entry = await load(import.meta.resolve('stackful'));
        await entry.link(link);
        await entry.evaluate();
        loaded.push(entry.namespace);
      }
      const own = await import('stackful');
      console.log(loaded.every((namespace) => namespace.Mutex === own.Mutex), own.Mutex instanceof Function);
      console.log(await loaded[1].spawn(() => (loaded[0].sleep(1), loaded[0].current().state)));
    `;
    const { status, stdout, stderr } = run('contexts.mjs', program, ['--experimental-vm-modules', '--no-warnings']);
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'true true\nrunning\n', stderr: '' });
  });

  it('from sources that Node cannot load again is refused', () => {
    const program = `
      import { cpSync } from 'node:fs';
      import { spawn } from 'stackful';
      // As a test runner would: the same files under other addresses.
      const again = await import('./node_modules/stackful/dist/internal/native.js?again');
      console.log(again.owns, again.native.spawn === (await import('./node_modules/stackful/dist/internal/native.js')).native.spawn);
    `;
    expect(run('again.mjs', program)).toMatchObject({ status: 0, stdout: 'false true\n' });
    const early = `
      const first = await import('./node_modules/stackful/dist/internal/native.js?first');
      console.log(first.owns);
      await import('stackful').catch(({ code }) => console.log(code));
    `;
    expect(run('early.mjs', early)).toMatchObject({ status: 0, stdout: 'true\nERR_LOADED_TWICE\n' });
  });
});

describe('a bundle', () => {
  const source = "import { spawn, sleep } from 'stackful'; spawn(() => { sleep(1); console.log(typeof sleep); });";
  const bundle = (format: Format, external: string[], contents = source): string => {
    const options = { bundle: true, platform: 'node', format, external, logLevel: 'silent', write: false } as const;
    const { outputFiles } = buildSync({ ...options, stdin: { contents, resolveDir: project.directory } });
    return outputFiles[0]!.text;
  };

  it('that leaves the library out works', () => {
    for (const [format, name] of [['esm', 'out.mjs'], ['cjs', 'out.cjs']] as const) {
      expect(run(name, bundle(format, ['stackful']))).toEqual({ status: 0, stdout: 'function\n', stderr: '' });
    }
  });

  it('that contains it says what to do', () => {
    const refusal = 'stackful cannot be part of a bundle, its addon is a file beside it: leave it out (esbuild: --external:stackful)';
    for (const [format, name] of [['esm', 'in.mjs'], ['cjs', 'in.cjs']] as const) {
      for (const contents of [source, "require('stackful')"]) {
        const { status, stderr } = run(name, bundle(format, [], contents));
        expect(status).toBe(1);
        expect(stderr).toContain(refusal);
      }
      rmSync(join(project.directory, name));
    }
  });
});
