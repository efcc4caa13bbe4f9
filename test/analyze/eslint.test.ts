import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import { afterAll, beforeAll, expect, it } from 'vitest';
import tseslint from 'typescript-eslint';

import stackful from 'stackful/eslint';

const here = fileURLToPath(new URL('.', import.meta.url));
const lib = fileURLToPath(new URL('../../lib', import.meta.url));

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(here, '.eslint-'));
  const compilerOptions = {
    module: 'NodeNext', target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable'], types: [], strict: true,
    paths: { stackful: [`${lib}/index.ts`] },
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  writeFileSync(join(directory, 'load.ts'), "import { sleep } from 'stackful';\nexport const load = (): void => sleep(1);\n");
  writeFileSync(join(directory, 'late.ts'), "import { load } from './load.js';\nsetTimeout(() => {\n  load();\n}, 5);\n");
});
afterAll(() => { rmSync(directory, { recursive: true }); });

it('the rules of the analysis are rules of ESLint', async () => {
  const eslint = new ESLint({
    cwd: directory,
    overrideConfigFile: true,
    overrideConfig: {
      files: ['**/*.ts'],
      languageOptions: { parser: tseslint.parser, parserOptions: { project: './tsconfig.json', tsconfigRootDir: directory } },
      ...(stackful.configs.recommended as object),
    },
  });
  const results = await eslint.lintFiles(['*.ts']);
  const messages = results.flatMap((result) => result.messages.map(({ ruleId, line, column, message }) => ({ ruleId, line, column, message })));
  expect(messages).toMatchObject([{ ruleId: 'stackful/wrong-stack', line: 3, column: 3 }]);
  expect(messages[0]!.message).toContain('the function given to setTimeout calls load (late.ts:3)');
});
