import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { configure, spawn, yieldNow } from 'stackful';

import { runChild } from '../support/child.js';
import { debugChild } from '../support/debugger.js';

let directory = '';
beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'stackful-tools-')); });
afterAll(() => { rmSync(directory, { recursive: true, force: true }); });

/** The content of the only file with that ending among those that a child has left behind. */
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

  it("vitest's coverage knows which statements of a coroutine have run", async () => {
    const root = fileURLToPath(new URL('../children/tools/covered', import.meta.url));
    const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));
    const reports = join(directory, 'vitest');
    const run = promisify(execFile);
    await run(process.execPath, [vitest, 'run', '--root', root, `--coverage.reportsDirectory=${reports}`]);
    const report = JSON.parse(readFileSync(join(reports, 'coverage-final.json'), 'utf8')) as Record<string, {
      statementMap: Record<string, { start: { line: number } }>;
      s: Record<string, number>;
    }>;
    const { statementMap, s } = report[join(root, 'covered.mjs')]!;
    const counts = new Map(Object.entries(statementMap).map(([key, { start }]) => [start.line, s[key]]));
    // The statement after a park, the branch that was taken, and the one that was not.
    expect([5, 6, 7].map((line) => counts.get(line))).toEqual([1, 1, 0]);
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

  it('a debugger on the network stops there too, and is answered during twenty thousand switches', async () => {
    const target = await debugChild('tools/remote.mjs');
    const stops: unknown[] = [];
    const steps = ['Debugger.resume', 'Debugger.stepOver', 'Debugger.stepOver', 'Debugger.resume'];
    type Frame = { callFrameId: string; functionName: string };
    target.on('Debugger.paused', ({ callFrames }) => {
      const [frame] = callFrames as [Frame];
      const ask = { callFrameId: frame.callFrameId, expression: 'local' };
      void target.send('Debugger.evaluateOnCallFrame', ask).then(({ result }) => {
        stops.push([frame.functionName, (result as { value?: unknown }).value]);
        return target.send(steps.shift() ?? 'Debugger.resume');
      });
    });
    let ended = false;
    target.on('Runtime.executionContextDestroyed', () => {
      ended = true;
      target.disconnect();
    });
    await target.send('Runtime.enable');
    await target.send('Debugger.enable');
    const lineNumber = readFileSync(target.file, 'utf8').split('\n').findIndex((line) => line.includes('// first stop'));
    await target.send('Debugger.setBreakpointByUrl', { url: target.url, lineNumber });
    await target.send('Runtime.runIfWaitingForDebugger');
    let answered = 0;
    while (!ended) {
      const { result } = await target.send('Runtime.evaluate', { expression: '6 * 7' }).catch(() => ({ result: undefined }));
      if (result) answered += Number((result as { value: number }).value === 42);
    }
    const { exit, stdout } = await target.exit;
    expect({ exit, printed: JSON.parse(stdout) as unknown }).toEqual({ exit: 0, printed: { answer: 42, sum: 20 } });
    // The first stop is before the first statement of the module.
    expect(stops.slice(1)).toEqual([['debuggedBody', 20], ['debuggedBody', 21], ['debuggedBody', 21]]);
    expect(answered).toBeGreaterThan(0);
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
    const flags = ['--experimental-vm-modules', '--no-warnings'];
    expect(await runChild('tools/vm.mjs', [], { flags })).toEqual({ exit: 0, stdout: 'ok\n', stderr: '' });
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
