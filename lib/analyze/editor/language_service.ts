import type TS from 'typescript';

import { bare, hasBody } from '../functions.js';
import { runsInCoroutine, type Loaded } from '../program.js';
import { ts, useTypeScript } from '../typescript.js';
import type { DirectCall } from './direct_calls.js';
import { bodiesIn, LocalFindings } from './local_findings.js';
import { Deadline, ParkSearch, wordsOf, type Way } from './park_search.js';

/** What a `tsconfig.json` may say beside the plugin's name. */
export interface EditorOptions {
  /** Marks at calls that may park. Default true. */
  hints?: boolean;
  /** Findings as warnings. Default true. */
  findings?: boolean;
  /** How many milliseconds an answer may take at most; what is not known by then comes with the next one. Default 100. */
  budget?: number;
  /** The main module runs in a coroutine. Default: as `stackful analyze` has it. */
  mainInCoroutine?: boolean;
}

/** What tsserver gives to a plugin, as far as it is used. */
export interface EditorProject {
  readonly languageService: TS.LanguageService;
  readonly languageServiceHost: { getCurrentDirectory(): string; getCancellationToken?(): { isCancellationRequested(): boolean } };
  readonly project: { refreshDiagnostics?(): void };
  readonly config: EditorOptions | undefined;
}

/** Of diagnostics that come from here: editors show it, and nothing depends on its value. */
const CODE = 72_275;
const BUDGET = 100;
/** Where nothing new is found out after so many times, the editor is not asked to come again. */
const REFRESHES = 40;

/** Wraps a language service: marks at calls that may park, what they wait for in quick info, and the findings of one file. */
export class ParkingService {
  private last: ParkSearch | undefined;
  private refreshes = 0;
  private timer: NodeJS.Timeout | undefined;
  private readonly directory: string;

  constructor(compiler: typeof TS, private readonly given: EditorProject) {
    useTypeScript(compiler);
    this.directory = given.languageServiceHost.getCurrentDirectory();
  }

  /** The language service with what this adds. An error of ours costs what we would have added, and nothing else. */
  wrapped(): TS.LanguageService {
    const { languageService, config = {} } = this.given;
    const proxy: TS.LanguageService = { ...languageService };
    for (const key of Object.keys(languageService) as (keyof TS.LanguageService)[]) {
      const method = Reflect.get(languageService, key) as (...args: unknown[]) => unknown;
      Object.assign(proxy, { [key]: (...args: unknown[]) => method.apply(languageService, args) });
    }
    if (config.hints !== false) {
      proxy.provideInlayHints = (name, span, preferences) => {
        const own = this.safely(() => this.hints(name, span)) ?? [];
        return [...languageService.provideInlayHints(name, span, preferences), ...own];
      };
    }
    proxy.getQuickInfoAtPosition = (name, position, ...rest) => {
      const found = languageService.getQuickInfoAtPosition(name, position, ...rest);
      const text = found && this.safely(() => this.quickInfo(name, position));
      if (!text) return found;
      return { ...found, documentation: [...(found.documentation ?? []), { kind: 'text', text: `${found.documentation?.length ? '\n\n' : ''}${text}` }] };
    };
    if (config.findings !== false) {
      proxy.getSemanticDiagnostics = (name) => {
        const found = languageService.getSemanticDiagnostics(name);
        return [...found, ...(this.safely(() => this.diagnostics(name)) ?? [])];
      };
    }
    return proxy;
  }

  private safely<T>(fn: () => T): T | undefined {
    try {
      return fn();
    } catch {
      // Whatever it was, an edit in the middle of a word or a compiler that we do not know: the editor goes on without us.
      this.last = undefined;
      return undefined;
    }
  }

  private search(): ParkSearch | undefined {
    const program = this.given.languageService.getProgram();
    if (!program) return undefined;
    if (this.last?.program !== program) {
      this.last = new ParkSearch(program, this.last);
      this.refreshes = 0;
    }
    return this.last;
  }

  private deadline(): Deadline {
    const { config, languageServiceHost } = this.given;
    const token = languageServiceHost.getCancellationToken?.();
    return new Deadline(config?.budget ?? BUDGET, () => token?.isCancellationRequested() === true);
  }

  private localFindings(search: ParkSearch): LocalFindings {
    const files = search.program.getSourceFiles().filter((file) => !file.isDeclarationFile && !file.fileName.includes('/node_modules/'));
    const main = this.given.config?.mainInCoroutine ?? runsInCoroutine({ directory: this.directory, files } as unknown as Loaded);
    return new LocalFindings(search, main, this.directory);
  }

  private hints(name: string, { start, length }: TS.TextSpan): TS.InlayHint[] {
    const search = this.search();
    const file = search?.program.getSourceFile(name);
    if (!search || !file) return [];
    const deadline = this.deadline();
    const hints: TS.InlayHint[] = [];
    for (const body of bodiesIn(file)) {
      if (body.end < start || body.pos > start + length) continue;
      for (const call of search.callsIn(body)) {
        const { node } = call;
        if (deadline.check()) return hints;
        if (node.end < start || node.end > start + length || !search.wayOf(call, deadline)) continue;
        hints.push({ text: 'parks', position: node.end, kind: ts.InlayHintKind.Type, whitespaceBefore: true });
      }
    }
    return hints;
  }

  private quickInfo(name: string, position: number): string | undefined {
    const search = this.search();
    const file = search?.program.getSourceFile(name);
    if (!search || !file) return undefined;
    const way = this.wayAt(file, position, search);
    if (!way) return undefined;
    const places = new LocalFindings(search, true, this.directory);
    return `May park: ${way.steps.length > 1 ? 'through ' : ''}${wordsOf(way, (node) => places.placeOf(node))}`;
  }

  /** Of the call whose callee stands there, or of the function whose name does. */
  private wayAt(file: TS.SourceFile, position: number, search: ParkSearch): Way | undefined {
    const token = tokenAt(file, position);
    const { parent } = token;
    const deadline = this.deadline();
    const callee = ts.isPropertyAccessExpression(parent) && parent.name === token ? parent : token;
    const call = callee.parent as TS.Node | undefined;
    if (call && (ts.isCallExpression(call) || ts.isNewExpression(call)) && call.expression === callee) {
      const around = ts.findAncestor(call, (node) => hasBody(node)) ?? file;
      const found = search.callsIn(around as TS.SourceFile).find(({ node }: DirectCall) => node === call);
      return found && search.wayOf(found, deadline);
    }
    if ((parent as Partial<TS.NamedDeclaration>).name !== token) return undefined;
    if (hasBody(parent)) return search.wayIn(parent, deadline);
    const value = ts.isVariableDeclaration(parent) && parent.initializer ? bare(parent.initializer) : undefined;
    return value && hasBody(value) ? search.wayIn(value, deadline) : undefined;
  }

  private diagnostics(name: string): TS.Diagnostic[] {
    const search = this.search();
    const file = search?.program.getSourceFile(name);
    if (!search || !file || file.isDeclarationFile) return [];
    const deadline = this.deadline();
    const found = this.localFindings(search).in(file, deadline);
    if (deadline.isPast) this.comeAgain();
    return found.map(({ rule, message, start, length }) => ({
      category: ts.DiagnosticCategory.Warning, code: CODE, source: 'stackful', file, start, length, messageText: `${message} (${rule})`,
    }));
  }

  /** Time was up: what is known by now is kept, and the editor asks for the rest. */
  private comeAgain(): void {
    const { project } = this.given;
    if (this.timer || !project.refreshDiagnostics || this.refreshes++ >= REFRESHES) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.safely(() => project.refreshDiagnostics?.());
    }, 200);
    this.timer.unref();
  }
}

function tokenAt(file: TS.SourceFile, position: number): TS.Node {
  let node: TS.Node = file;
  for (let inner: TS.Node | undefined = file; inner; ) {
    node = inner;
    inner = ts.forEachChild(node, (child) => (child.getStart(file) <= position && position < child.end ? child : undefined));
  }
  return node;
}
