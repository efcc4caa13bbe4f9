import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { analyze, type Finding } from 'stackful/analyze';

const corpus = fileURLToPath(new URL('corpus', import.meta.url));
const names = readdirSync(corpus).filter((name) => /\.(?:ts|mjs)$/.test(name)).sort();

/** Rules and lines that a program's comments `// expect: RULE, RULE` name. */
function expectedIn(name: string): string[] {
  const lines = readFileSync(`${corpus}/${name}`, 'utf8').split('\n');
  return lines.flatMap((line, i) => {
    const [, rules] = /\/\/ expect: ([\w, -]+)/.exec(line) ?? [];
    return rules?.split(',').map((rule) => `${rule.trim()} in line ${String(i + 1)}`) ?? [];
  });
}

const lineOf = ({ rule, line }: Finding) => `${rule} in line ${String(line)}`;

describe('programs of which it is known what is wrong with them', () => {
  const { findings } = analyze(corpus, { project: `${corpus}/tsconfig.json`, notes: true });

  it.each(names)('%s', (name) => {
    const found = findings.filter(({ file }) => file === name);
    expect(found.map(lineOf).sort()).toEqual(expectedIn(name).sort());
    for (const { message, trace, rule } of found) {
      expect(message.length).toBeGreaterThan(20);
      if (rule !== 'suppression' && rule !== 'lost-promise' && rule !== 'shared-handlers') expect(trace.length).toBeGreaterThan(0);
    }
  });

  it('are 150 at least, about half of them correct', () => {
    const correct = names.filter((name) => expectedIn(name).length === 0);
    expect(names.length).toBeGreaterThanOrEqual(150);
    expect(correct.length / names.length).toBeGreaterThan(0.45);
    expect(correct.length / names.length).toBeLessThan(0.6);
  });
});
