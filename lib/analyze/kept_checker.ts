import type TS from 'typescript';

import { staleFiles } from './changes.js';
import { checkerOf } from './typescript.js';

/** Answers that depend on a node, its file, and what that file imports. */
const OF_NODES = [
  'getSymbolAtLocation', 'getTypeAtLocation', 'getContextualType', 'getTypeFromTypeNode', 'getShorthandAssignmentValueSymbol',
  'getSignatureFromDeclaration',
] as const;
/** After so many programs everything is asked anew: answers keep the programs in memory that they come from. */
const PROGRAMS = 24;

type Answers = Partial<Record<string, unknown>>;

/**
 * A type checker that remembers what it was asked, from program to program, for the files of which no answer can be another: those that
 * have not changed and import nothing that has, directly or not. A new program has a new checker, which would infer all types again:
 * on lib that is four fifths of the analysis.
 */
export class KeptChecker {
  private readonly known = new Map<TS.SourceFile, WeakMap<object, Answers>>();
  private program: TS.Program | undefined;
  private programs = 0;
  /** In how many files of the last program everything was asked anew. */
  asked = 0;

  /** The checker of a program, with the answers that still hold. */
  for(program: TS.Program): TS.TypeChecker {
    const before = this.program;
    const stale = before && ++this.programs < PROGRAMS ? staleFiles(before, program) : undefined;
    if (!stale) {
      this.known.clear();
      this.programs = 0;
    }
    for (const file of this.known.keys()) {
      if (stale?.has(file) || program.getSourceFile(file.fileName) !== file) this.known.delete(file);
    }
    this.program = program;
    this.asked = stale?.size ?? program.getSourceFiles().length;
    return this.remembering(program.getTypeChecker());
  }

  private remembering(checker: TS.TypeChecker): TS.TypeChecker {
    const made: TS.TypeChecker = { ...checker };
    for (const name of OF_NODES) {
      const ask = Reflect.get(checker, name) as (node: TS.Node) => unknown;
      Object.assign(made, { [name]: (node: TS.Node) => this.once(node, node.getSourceFile(), name, () => ask(node)) });
    }
    made.getAliasedSymbol = (symbol) => {
      const file = symbol.declarations?.[0]?.getSourceFile();
      const ask = () => checker.getAliasedSymbol(symbol);
      return file ? this.once(symbol, file, 'getAliasedSymbol', ask) : ask();
    };
    // What is asked of a type, the checker knows that made it.
    made.isTupleType = (type) => checkerOf(type, checker).isTupleType(type);
    made.getTypeArguments = (type) => checkerOf(type, checker).getTypeArguments(type);
    return made;
  }

  private once<T>(key: object, file: TS.SourceFile, name: string, ask: () => T): T {
    let ofFile = this.known.get(file);
    if (!ofFile) this.known.set(file, (ofFile = new WeakMap()));
    let answers = ofFile.get(key);
    if (!answers) ofFile.set(key, (answers = {}));
    if (!(name in answers)) answers[name] = ask();
    return answers[name] as T;
  }
}
