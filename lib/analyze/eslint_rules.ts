import type TS from 'typescript';

import { analysedOf } from './analyze.js';
import type { Finding } from './finding.js';
import { loadedFrom, runsInCoroutine } from './program.js';
import { RULES } from './rules.js';
import { loadTypeScript } from './typescript.js';

/** What these rules use of ESLint's context, which is not imported: only who lints has ESLint. */
interface Context {
  readonly cwd: string;
  readonly filename: string;
  readonly sourceCode: { readonly parserServices?: { readonly program?: TS.Program | null } };
  report(found: { message: string; loc: { line: number; column: number } }): void;
}

/** A rule of ESLint. */
export interface EslintRule {
  /** What ESLint shows about it. */
  readonly meta: { readonly type: 'problem'; readonly docs: { readonly description: string }; readonly schema: [] };
  /** Called by ESLint for each file. */
  create(context: unknown): Record<string, () => void>;
}

interface Found extends Finding {
  readonly path: string;
}

/** A program → what was found in it. ESLint asks once for each file and rule. */
const analysed = new WeakMap<TS.Program, readonly Found[]>();

function foundIn(program: TS.Program, directory: string): readonly Found[] {
  let found = analysed.get(program);
  if (!found) {
    loadTypeScript(directory);
    const loaded = loadedFrom(program, directory);
    const all: Found[] = [];
    const what = analysedOf(loaded, runsInCoroutine(loaded));
    for (const { name, severity, check } of RULES) {
      check(what, ({ node, message, trace = [] }) => {
        all.push({ rule: name, severity, message, ...loaded.placeOf(node), trace, path: node.getSourceFile().fileName });
      });
    }
    analysed.set(program, (found = all));
  }
  return found;
}

/** The rules of the analysis, for ESLint. */
export function eslintRules(): Record<string, EslintRule> {
  // ESLint has comments of its own that suppress.
  const rules = RULES.filter(({ name }) => name !== 'suppression');
  return Object.fromEntries(rules.map(({ name, about }): [string, EslintRule] => [name, {
    meta: { type: 'problem', docs: { description: about }, schema: [] },
    create(given) {
      const context = given as Context;
      const program = context.sourceCode.parserServices?.program;
      if (!program) throw new Error(`stackful/${name} needs typed linting: parserOptions: { projectService: true } of typescript-eslint`);
      return {
        Program() {
          for (const { rule, path, message, line, column, trace } of foundIn(program, context.cwd)) {
            if (rule !== name || path !== context.filename) continue;
            const way = trace.slice(0, -1).map((step) => `${step.text} (${step.file}:${String(step.line)})`);
            context.report({ message: way.length > 0 ? `${message}. ${way.join('; ')}` : message, loc: { line, column: column - 1 } });
          }
        },
      };
    },
  }]));
}
