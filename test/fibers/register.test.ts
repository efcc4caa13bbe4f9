import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
let project: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'stackful-register-'));
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(root, join(project, 'node_modules/stackful'));
  writeFileSync(join(project, 'package.json'), '{}');
  const say = "console.log(typeof Fiber, typeof Future, Fiber(() => Future.task(() => Fiber.yield(1)) && 'ran').run(), Fiber === ours, Future === theirs);";
  const ours = "const ours = require('stackful/fibers'), theirs = require('stackful/future');";
  writeFileSync(join(project, 'required.cjs'), `const Fiber = require('fibers'), Future = require('fibers/future'); ${ours} ${say}`);
  const imports = "import Fiber from 'fibers'; import Future from 'fibers/future'; import ours from 'stackful/fibers'; import theirs from 'stackful/future';";
  writeFileSync(join(project, 'imported.mjs'), `${imports} ${say}`);
  writeFileSync(join(project, 'dynamic.cjs'), `(async () => { const { default: Fiber } = await import('fibers'); const { default: Future } = await import('fibers/future'); ${ours} ${say} })();`);
  const worker = "const { Worker, isMainThread } = require('node:worker_threads'); if (isMainThread) new Worker(__filename); else require('./required.cjs');";
  writeFileSync(join(project, 'worker.cjs'), worker);
  writeFileSync(join(project, 'deasync.cjs'), `const deasync = require('deasync');
    try { deasync.sleep(1); } catch (error) { console.log(error.code); }
    require('stackful').spawn(() => { deasync.sleep(1); console.log(deasync === require('stackful/deasync')); });`);
  writeFileSync(join(project, 'none.cjs'), "try { require('fibers'); } catch (error) { console.log(error.code); }");
  // A package of that name, which is not to be loaded.
  mkdirSync(join(project, 'node_modules/deasync'));
  writeFileSync(join(project, 'node_modules/deasync/index.js'), "throw new Error('theirs');");
});
afterAll(() => { rmSync(project, { recursive: true, force: true }); });

const start = async (args: string[]) => {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const { stdout, stderr } = await run(process.execPath, args, { cwd: project, env });
  return stdout + stderr;
};

describe.each(['--require', '--import'])('%s stackful/fibers/register', (flag) => {
  it.each(['required.cjs', 'imported.mjs', 'dynamic.cjs', 'worker.cjs'])('%s finds ours', async (file) => {
    expect(await start([flag, 'stackful/fibers/register', file])).toBe('function function ran true true\n');
  });

  it('deasync has a registration of its own', async () => {
    expect(await start([flag, 'stackful/deasync/register', 'deasync.cjs'])).toBe('ERR_NOT_IN_COROUTINE\ntrue\n');
    expect(await start([flag, 'stackful/deasync/register', 'none.cjs'])).toBe('MODULE_NOT_FOUND\n');
  });
});
