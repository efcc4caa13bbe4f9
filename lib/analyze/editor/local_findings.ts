import { dirname, relative, sep } from 'node:path';
import type TS from 'typescript';

import type { Finding, Severity } from '../finding.js';
import { bare, hasBody } from '../functions.js';
import type { Loaded } from '../program.js';
import { RULES } from '../rules.js';
import { suppress } from '../suppress.js';
import { ts } from '../typescript.js';
import type { Body, DirectCall } from './direct_calls.js';
import { wordsOf, type Deadline, type ParkSearch } from './park_search.js';

/** A finding, with the code that an editor underlines. */
export interface LocalFinding extends Finding {
  readonly start: number;
  readonly length: number;
}

/** Where the code of a function runs: decided by what the function is given to, as far as its own file says it. */
type Stack = { readonly is: 'main' | 'atomic'; readonly how: string } | { readonly is: 'unknown' };

/** What can be said of one file without the whole program: calls that park on the main stack, or in `atomic`. */
export class LocalFindings {
  constructor(
    private readonly search: ParkSearch,
    private readonly mainInCoroutine: boolean,
    private readonly directory: string,
  ) {}

  in(file: TS.SourceFile, deadline: Deadline): LocalFinding[] {
    const found = new Map<number, LocalFinding>();
    for (const body of bodiesIn(file)) {
      const calls = this.search.callsIn(body);
      for (const call of calls) {
        if (deadline.check()) break;
        this.given(call, found, deadline);
        if (call.guarded) continue;
        const stack = this.stackAt(body, call);
        if (stack.is !== 'unknown') this.tell(call, call.node, stack, found, deadline);
      }
    }
    return this.unsuppressed([...found.values()].sort((a, b) => a.start - b.start), file);
  }

  /** A function that is given by its name, such as `setTimeout(load, 5)`. */
  private given({ node }: DirectCall, found: Map<number, LocalFinding>, deadline: Deadline): void {
    if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return;
    for (const [i, arg] of (node.arguments ?? []).entries()) {
      const inner = bare(arg);
      if (!ts.isIdentifier(inner) && !ts.isPropertyAccessExpression(inner)) continue;
      const fate = this.search.calls.fateOf(node, i);
      if (fate.does !== 'main' && fate.does !== 'atomic') continue;
      const stack: Stack = fate.does === 'main' ? { is: 'main', how: `${fate.how} runs on the main stack` } : { is: 'atomic', how: '' };
      for (const body of this.search.calls.functionsOf(inner)) {
        if (ts.canHaveModifiers(body) && isAsync(body)) continue;
        for (const call of this.search.callsIn(body)) if (!call.guarded) this.tell(call, inner, stack, found, deadline);
      }
    }
  }

  private stackAt(body: Body, { afterAwait }: DirectCall): Stack {
    if (ts.isSourceFile(body)) {
      return this.mainInCoroutine ? { is: 'unknown' } : { is: 'main', how: 'the top level of a module runs on the main stack' };
    }
    if (isAsync(body)) {
      return afterAwait ? { is: 'main', how: 'what follows an await is a promise callback, on the main stack' } : { is: 'unknown' };
    }
    const { parent } = body;
    if (!ts.isCallExpression(parent) && !ts.isNewExpression(parent)) return { is: 'unknown' };
    const index = parent.arguments?.indexOf(body as TS.Node as TS.Expression) ?? -1;
    if (index < 0) return { is: 'unknown' };
    const fate = this.search.calls.fateOf(parent, index);
    if (fate.does === 'main') return { is: 'main', how: `${fate.how} runs on the main stack` };
    if (fate.does === 'atomic') return { is: 'atomic', how: '' };
    if (fate.does !== 'inline') return { is: 'unknown' };
    const around = ts.findAncestor(parent, (node): node is Body => hasBody(node) || ts.isSourceFile(node))!;
    const call = this.search.callsIn(around).find(({ node }) => node === parent);
    return call && !call.guarded ? this.stackAt(around, call) : { is: 'unknown' };
  }

  private tell(call: DirectCall, at: TS.Node, stack: Stack & { how: string }, found: Map<number, LocalFinding>, deadline: Deadline): void {
    const way = this.search.wayOf(call, deadline);
    // What parks only where it can, or in one case, is left to the whole program's analysis.
    if (!way || way.seed.certainty !== 'always' || way.steps.some(({ guarded }) => guarded)) return;
    const file = at.getSourceFile();
    const start = at.getStart(file);
    if (found.has(start)) return;
    const rule = stack.is === 'atomic' ? 'atomic-parks' : 'wrong-stack';
    const { severity } = RULES.find(({ name }) => name === rule)! as { severity: Severity };
    const through = way.steps.length > 1 ? `, through ${wordsOf(way, (node) => this.placeOf(node))}` : '';
    const message = stack.is === 'atomic'
      ? `${way.seed.name} may park${through} inside atomic(), where it throws AtomicSectionError. ` +
        'Move it before or behind the section, or hold a Mutex instead'
      : `${way.seed.name} parks${through}, and ${stack.how}, where no code can wait: it throws NotInCoroutineError. ` +
        'Run it in a coroutine: spawn(() => …)';
    const { line, character } = file.getLineAndCharacterOfPosition(start);
    found.set(start, {
      rule, severity, message, start, length: at.end - start, trace: [],
      file: relative(this.directory, file.fileName), line: line + 1, column: character + 1,
    });
  }

  /** The place of a call, as messages have it. */
  placeOf(node: TS.Node): string {
    const file = node.getSourceFile();
    const short = relative(this.directory, file.fileName);
    const { line } = file.getLineAndCharacterOfPosition(node.getStart(file));
    return `${short.startsWith(`..${sep}`) ? file.fileName : short}:${String(line + 1)}`;
  }

  private unsuppressed(findings: readonly LocalFinding[], file: TS.SourceFile): LocalFinding[] {
    const loaded = { files: [file], shows: () => true, directory: this.directory || dirname(file.fileName) } as unknown as Loaded;
    // Whether a comment has something to suppress, only the whole program tells.
    return suppress(findings, loaded, new Set(RULES.map(({ name }) => name))).filter((one): one is LocalFinding => 'start' in one);
  }
}

/** All functions of a file with their bodies, and the body of the module. */
export function bodiesIn(file: TS.SourceFile): Body[] {
  const bodies: Body[] = [file];
  const visit = (node: TS.Node): void => {
    if (hasBody(node)) bodies.push(node);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  return bodies;
}

function isAsync(body: TS.Node): boolean {
  return ts.canHaveModifiers(body) && ts.getModifiers(body)?.some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword) === true;
}
