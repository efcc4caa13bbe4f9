import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { configure, spawn, yieldNow } from 'stackful';

import { runChild } from '../support/child.js';

let directory = '';
beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'stackful-tools-')); });
afterAll(() => { rmSync(directory, { recursive: true, force: true }); });

/** What the only file with that ending holds, of all that a child has left behind. */
function written(ending: string): string {
  const files = readdirSync(directory).filter((name) => name.endsWith(ending));
  expect(files).toHaveLength(1);
  return readFileSync(join(directory, files[0]!), 'utf8');
}

describe('profilers', () => {
  it('--cpu-prof sees the functions of coroutines', async () => {
    const flags = ['--cpu-prof', `--cpu-prof-dir=${directory}`, '--cpu-prof-interval=200'];
    expect(await runChild('tools/work.mjs', [], { flags })).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
    const { nodes } = JSON.parse(written('.cpuprofile')) as { nodes: { callFrame: { functionName: string } }[] };
    const names = nodes.map((node) => node.callFrame.functionName);
    expect(names).toContain('bodyOfCoroutine');
    expect(names).toContain('computeInCoroutine');
  });

  it('--heap-prof sees their allocations', async () => {
    const flags = ['--heap-prof', `--heap-prof-dir=${directory}`, '--heap-prof-interval=4096'];
    expect(await runChild('tools/work.mjs', [], { flags })).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
    expect(written('.heapprofile')).toContain('allocateInCoroutine');
  });

  it('a heap snapshot written inside a coroutine has what parked ones hold', async () => {
    const file = join(directory, 'inside.heapsnapshot');
    expect(await runChild('tools/snapshot.mjs', [file])).toEqual({ exit: 0, stdout: '0,1,2,3,4\n', stderr: '' });
    const { strings, nodes, snapshot } = JSON.parse(readFileSync(file, 'utf8')) as {
      strings: string[];
      nodes: number[];
      snapshot: { meta: { node_fields: string[] } };
    };
    const name = strings.indexOf('HeldByParkedCoroutine');
    const width = snapshot.meta.node_fields.length;
    let instances = 0;
    for (let i = 0; i < nodes.length; i += width) if (nodes[i] === 3 && nodes[i + 1] === name) instances++;
    expect(instances).toBeGreaterThanOrEqual(5);
  });

  it('NODE_V8_COVERAGE counts what ran in coroutines', async () => {
    const env = { NODE_V8_COVERAGE: join(directory, 'coverage') };
    expect(await runChild('tools/work.mjs', [400], { env })).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
    const file = join(env.NODE_V8_COVERAGE, readdirSync(env.NODE_V8_COVERAGE)[0]!);
    const { result } = JSON.parse(readFileSync(file, 'utf8')) as {
      result: { url: string; functions: { functionName: string; ranges: { count: number }[] }[] }[];
    };
    const functions = result.find(({ url }) => url.endsWith('/work.mjs'))!.functions;
    expect(functions.find((f) => f.functionName === 'bodyOfCoroutine')!.ranges[0]!.count).toBe(10);
  });
});

describe('the inspector', () => {
  it('stops inside a coroutine, evaluates there, and steps over a park', async () => {
    const { exit, stdout, stderr } = await runChild('tools/debugged.mjs');
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      answer: 42,
      sum: 20,
      seen: [
        ['debuggedBody', 0, 20, true],
        ['debuggedBody', 1, 21, true],
        ['debuggedBody', 2, 21, true],
      ],
    });
  });

  it('may be attached, with a profile and coverage, during twenty thousand switches', async () => {
    expect(await runChild('tools/inspected.mjs')).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
  });

  it('--inspect listens while coroutines run', async () => {
    const { exit, stdout, stderr } = await runChild('tools/work.mjs', [10_000], { flags: ['--inspect=127.0.0.1:0'] });
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'ok\n' });
    expect(stderr).toContain('Debugger listening on ws://127.0.0.1:');
  });
});

describe('what the process is told and given', () => {
  it('SIGINT reaches its listener while coroutines run and wait', async () => {
    expect(await runChild('tools/interrupt.mjs')).toEqual({ exit: 3, stdout: 'heard\n', stderr: '' });
  });

  it('a heap that is full ends the process as it does without coroutines', async () => {
    const { exit, stderr } = await runChild('tools/memory.mjs', [], { flags: ['--max-old-space-size=24'] });
    expect(exit).toBe('SIGABRT');
    expect(stderr).toContain('JavaScript heap out of memory');
  });

  it('setHeapSnapshotNearHeapLimit writes its snapshot', async () => {
    const place = join(directory, 'limit');
    mkdirSync(place);
    const { exit, stderr } = await runChild('tools/memory.mjs', ['snapshot'], {
      flags: ['--max-old-space-size=12', `--diagnostic-dir=${place}`],
    });
    expect(exit).toBe('SIGABRT');
    expect(stderr).toContain('Wrote snapshot to');
  });

  it('node:vm: contexts, and timeouts that end only the script they are for', async () => {
    expect(await runChild('tools/vm.mjs')).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
  });

  it('node:domain changes nothing', async () => {
    expect(await runChild('tools/domain.mjs')).toMatchObject({ exit: 0, stdout: 'ok\n' });
  });
});

describe('stack traces', () => {
  it('say where a coroutine was spawned, and those it was joined by, when told to', async () => {
    configure({ spawnSites: true });
    try {
      const outer = spawn(function outerBody() {
        return spawn(function innerBody() {
          yieldNow();
          throw new Error('inner');
        }).join();
      });
      const error = await outer.then<never, Error>(() => { throw new Error("no error"); }, (e: unknown) => e as Error);
      expect(error.stack).toMatch(/innerBody[^]*\n {4}at spawn .*outerBody.*tools\.test\.ts:\d+[^]*\n {4}at spawn .*tools\.test\.ts:\d+/);
    } finally {
      configure({ spawnSites: false });
    }
  });

  it('follow source maps', async () => {
    const ts = await import('typescript');
    const source = fileURLToPath(new URL('../children/tools/mapped.ts', import.meta.url));
    const { outputText } = ts.default.transpileModule(readFileSync(source, 'utf8'), {
      fileName: source,
      compilerOptions: { module: ts.default.ModuleKind.ESNext, target: ts.default.ScriptTarget.ES2022, inlineSourceMap: true },
    });
    // Beside the source, because the package is resolved from there.
    const file = `mapped-${String(process.pid)}.mjs`;
    const compiled = fileURLToPath(new URL(`../children/tools/${file}`, import.meta.url));
    writeFileSync(compiled, outputText);
    try {
      const { exit, stdout } = await runChild(`tools/${file}`, [], { flags: ['--enable-source-maps'] });
      expect(exit).toBe(0);
      expect(stdout).toMatch(/throwsAfterPark.*mapped\.ts:9:9/);
    } finally {
      rmSync(compiled);
    }
  });
});
