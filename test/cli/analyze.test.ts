import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { built, cli } from './program.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe.skipIf(!built)('stackful analyze (needs dist/)', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'stackful-analyze-'));
    mkdirSync(join(directory, 'node_modules'));
    mkdirSync(join(directory, 'good'));
    symlinkSync(root, join(directory, 'node_modules/stackful'));
    writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(directory, 'late.mjs'), "import { sleep } from 'stackful';\nsetTimeout(() => { sleep(1); }, 5);\n");
    writeFileSync(join(directory, 'good/good.mjs'), "import { sleep, spawn } from 'stackful';\nsetTimeout(() => { spawn(() => sleep(1)); }, 5);\n");
  });
  afterAll(() => { rmSync(directory, { recursive: true }); });

  it('prints findings, with exit code 1', async () => {
    const { code, output } = await cli(['analyze', directory]).ended;
    expect(output).toContain('late.mjs:2:20 error wrong-stack: sleep parks');
    expect(output).toMatch(/1 error\n$/);
    expect(code).toBe(1);
  });

  it('prints JSON', async () => {
    const { code, output } = await cli(['analyze', directory, '--format', 'json']).ended;
    const { findings } = JSON.parse(output) as { findings: Record<string, unknown>[] };
    expect(findings).toMatchObject([{ rule: 'wrong-stack', file: 'late.mjs', line: 2, column: 20, trace: [{ file: 'late.mjs' }, { file: 'late.mjs' }] }]);
    expect(code).toBe(1);
  });

  it('shows the findings of the last time as long as nothing has changed', async () => {
    const file = join(directory, 'changing.mjs');
    const findings = async () => (JSON.parse((await cli(['analyze', directory, '--format', 'json']).ended).output) as { findings: { file: string }[] }).findings.map((one) => one.file);
    expect(await findings()).toEqual(['late.mjs']);
    expect(await findings()).toEqual(['late.mjs']);
    writeFileSync(file, "import { sleep } from 'stackful';\nsleep(1);\n");
    expect(await findings()).toEqual(['changing.mjs', 'late.mjs']);
    writeFileSync(file, '');
    expect(await findings()).toEqual(['late.mjs']);
  });

  it('ends with 0 where nothing is wrong', async () => {
    expect(await cli(['analyze', join(directory, 'good')]).ended).toMatchObject({ code: 0, output: 'nothing found\n' });
    expect((await cli(['analyze', join(directory, 'good'), '--tree']).ended).output).toContain('the function given to spawn (line 2)');
  });

  it('says what is wrong with what it is given', async () => {
    expect(await cli(['analyze', join(directory, 'nothing')]).ended).toMatchObject({ code: 1, output: expect.stringContaining('is not a directory') as string });
    expect((await cli(['analyze', directory, '--format', 'xml']).ended).code).toBe(2);
  });
});
