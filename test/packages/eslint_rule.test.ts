import { Linter } from 'eslint';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { sleep, spawn } from 'stackful';
import { patch, unpatch } from 'stackful/patch/api';
import { spelling } from './eslint_rule.mjs';

beforeAll(() => { patch({ atomics: true }); });
afterAll(() => { unpatch(); });

it("a rule of ESLint that asks a worker by synckit lets other coroutines run, and gives the linter's answer", async () => {
  const linter = new Linter();
  const config = [{ plugins: { own: { rules: { spelling } } }, rules: { 'own/spelling': 2 } }] as Linter.Config[];
  const lint = (text: string) => linter.verify(text, config).map(({ message, line }) => `${String(line)}: ${message}`);
  const { found, turns } = await spawn(() => {
    let turns = 0;
    const other = spawn(() => { for (; ;) { sleep(1); turns++; } });
    const found = lint('// a word\n// that is knwon\nlet x = 1; /* wrod */');
    other.cancel();
    return { found, turns };
  });
  expect(found).toEqual(['2: unknown word knwon', '3: unknown word wrod']);
  expect(turns).toBeGreaterThan(3);
  // On the main stack it blocks, as ever, with the same result.
  expect(lint('// wrod')).toEqual(['1: unknown word wrod']);
});
