import { relative } from 'node:path';

import type TS from 'typescript';

import type { Finding } from './finding.js';
import type { Loaded } from './program.js';
import { ts } from './typescript.js';

const MARK = /\/\/\s*stackful-analyze-ignore\b([^\n]*)/g;

interface Suppression {
  file: string;
  /** Of the comment. */
  line: number;
  column: number;
  /** Whose findings it suppresses: its own, or the next with code if it stands alone. */
  target: number;
  rules: string[];
  reason: string;
  used: boolean;
}

/** Is it a comment, and not in a string, in a template, or in another comment? */
function isComment(file: TS.SourceFile, position: number): boolean {
  const within = (node: TS.Node): boolean =>
    ts.forEachChild(node, (child) => (child.getStart(file) <= position && position < child.end ? within(child) || undefined : undefined)) ??
    (node.getChildCount(file) === 0 || ts.isTemplateLiteralToken(node));
  const line = file.text.slice(file.text.lastIndexOf('\n', position) + 1, position);
  return !/^\s*(?:\/\*|\*|\/\/)/.test(line) && !within(file);
}

function suppressionsIn(source: TS.SourceFile, file: string): Suppression[] {
  const { text } = source;
  if (!text.includes('stackful-analyze-ignore')) return [];
  const lines = text.split('\n');
  const found: Suppression[] = [];
  let start = 0;
  for (const [i, line] of lines.entries()) {
    const begin = start;
    start += line.length + 1;
    for (const match of line.matchAll(MARK)) {
      if (!isComment(source, begin + match.index)) continue;
      const [, rest = ''] = match;
      const [rules = '', ...reason] = rest.split(':');
      let target = i;
      if (line.slice(0, match.index).trim() === '') {
        do target++; while (target < lines.length && /^\s*(?:\/\/.*)?$/.test(lines[target]!));
      }
      found.push({
        file, line: i + 1, column: match.index + 1, target: target + 1, used: false,
        rules: rules.split(',').map((name) => name.trim()).filter((name) => name !== ''),
        reason: reason.join(':').trim(),
      });
    }
  }
  return found;
}

/**
 * Leaves out findings that a comment suppresses: `// stackful-analyze-ignore RULE: reason`, in the same line or above it. A comment
 * that gives no reason, names no rule that there is, or suppresses nothing is a finding itself.
 */
export function suppress(findings: readonly Finding[], { files, shows, directory }: Loaded, rules: ReadonlySet<string>): Finding[] {
  const all = files.filter(shows).flatMap((file) => suppressionsIn(file, relative(directory, file.fileName)));
  if (all.length === 0) return [...findings];
  const kept = findings.filter((finding) => {
    const by = all.filter((one) => one.file === finding.file && one.target === finding.line && one.rules.includes(finding.rule));
    for (const one of by) if (one.reason !== '') one.used = true;
    return !by.some(({ used }) => used);
  });
  const own = all.flatMap((one): Finding[] => {
    const { file, line, column } = one;
    const tell = (message: string): Finding[] => [{ rule: 'suppression', severity: 'warning', message, file, line, column, trace: [] }];
    const unknown = one.rules.filter((name) => !rules.has(name));
    if (one.rules.length === 0 || unknown.length > 0) {
      return tell(`This comment names ${unknown.length > 0 ? `the rule ${unknown.join(', ')}, which does not exist` : 'no rule'}: it suppresses nothing`);
    }
    if (one.reason === '') return tell(`This comment gives no reason, and suppresses nothing. Write one: // stackful-analyze-ignore ${one.rules.join(', ')}: …`);
    return one.used ? [] : tell(`There is nothing to suppress here any more: no finding of ${one.rules.join(', ')}. Remove the comment`);
  });
  return [...kept, ...own];
}
