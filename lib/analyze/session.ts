import { dirname, join, resolve } from 'node:path';
import type TS from 'typescript';

import { statSync } from '../internal/originals.js';
import { analyzeWithInputs, type Analysis, type AnalyzeOptions } from './analyze.js';
import { KeptChecker } from './kept_checker.js';
import type { KeptProgram } from './program.js';

interface Read {
  readonly state: string;
  readonly file: TS.SourceFile;
}

/** The state of a file or directory. */
function stateOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? `${String(found.mtimeMs)} ${String(found.size)} ${String(found.ino)}` : '';
}

/**
 * Analyses one directory again and again. Files that have not changed are not read again, and of those whose imports have not changed
 * either, no type is inferred again; the call graph and the findings are made anew each time, because any change may reach any function.
 */
export class AnalysisSession {
  private readonly read = new Map<string, Read>();
  private readonly checker = new KeptChecker();
  private last: TS.Program | undefined;
  private directories: string[] = [];
  /** By what names of modules mean files: directories, and manifests of packages. */
  private names = new Map<string, string>();

  constructor(
    private readonly path: string,
    private readonly options: AnalyzeOptions,
  ) {}

  /** In how many files the types were inferred anew, the last time. */
  get inferred(): number {
    return this.checker.asked;
  }

  /** The directories with files of the last program, those of packages left out: a change in one of them is a reason to analyse again. */
  get watched(): string[] {
    return this.directories.filter((one) => !one.includes('/node_modules/'));
  }

  analyze(): Analysis {
    const kept: KeptProgram = {
      // A file more or less, and an import may mean another file: then all names are resolved again.
      program: this.hasSameNames() ? this.last : undefined,
      use: (host) => { this.use(host); },
      checkerFor: (program) => this.checker.for((this.last = program)),
    };
    this.last = undefined;
    const { analysis, inputs } = analyzeWithInputs(this.path, this.options, kept);
    const all = new Set([resolve(this.path), ...inputs.map((file) => dirname(file))]);
    const manifests = [...all].filter((one) => !one.includes('/node_modules/')).map((one) => join(one, 'package.json'));
    this.names = new Map([...all, ...manifests].map((one) => [one, stateOf(one)]));
    this.directories = [...all];
    for (const name of this.read.keys()) if (!(this.last as TS.Program | undefined)?.getSourceFile(name)) this.read.delete(name);
    return analysis;
  }

  private hasSameNames(): boolean {
    return this.names.size > 0 && [...this.names].every(([path, state]) => stateOf(path) === state);
  }

  private use(host: TS.CompilerHost): void {
    const read = host.getSourceFile.bind(host);
    host.getSourceFile = (name, options, onError, fresh) => {
      const state = stateOf(name);
      const before = this.read.get(name);
      if (before?.state === state && state !== '' && !fresh) return before.file;
      const file = read(name, options, onError, fresh);
      if (file) this.read.set(name, { state, file });
      return file;
    };
  }
}
