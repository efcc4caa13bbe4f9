import { createHash } from 'node:crypto';
import { dirname, join, resolve } from 'node:path';

import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from '../internal/originals.js';
import { analyzeWithInputs, type AnalyzeOptions } from './analyze.js';
import type { Finding } from './finding.js';

interface Stored {
  /** Files, and the directories that they lie in, with the time of their last change and their size. */
  inputs: [path: string, changed: number, size: number][];
  findings: Finding[];
}

/** The state of a file, or of a directory, which changes when a file in it comes or goes. */
function stateOf(path: string): [path: string, changed: number, size: number] | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && [path, found.mtimeMs, found.isDirectory() ? 0 : found.size];
}

/** The file that keeps the findings: in the nearest `node_modules/.cache`, where tools keep such. */
function fileFor(directory: string, options: AnalyzeOptions): string | undefined {
  let above = directory;
  while (!existsSync(join(above, 'node_modules'))) {
    if (dirname(above) === above) return undefined;
    above = dirname(above);
  }
  const { mtimeMs } = statSync(new URL(import.meta.url));
  const key = createHash('sha256').update(JSON.stringify([directory, options, mtimeMs])).digest('hex').slice(0, 16);
  return join(above, 'node_modules/.cache/stackful', `analyze-${key}.json`);
}

function readStored(file: string): Finding[] | undefined {
  try {
    const { inputs, findings } = JSON.parse(readFileSync(file, 'utf8')) as Stored;
    const isSame = inputs.every(([path, changed, size]) => {
      const now = stateOf(path);
      return now?.[1] === changed && now[2] === size;
    });
    return isSame ? findings : undefined;
  } catch {
    // There is none yet, or it is of another version.
    return undefined;
  }
}

/** All directories from those of the files up to the analysed one: a new file changes one of them. */
function directoriesOf(files: readonly string[], top: string): string[] {
  const all = new Set<string>([top]);
  for (const file of files) {
    for (let up = dirname(file); up.startsWith(top) && !all.has(up); up = dirname(up)) all.add(up);
  }
  return [...all];
}

/** The findings of `analyze`: those of the last time, if no file and no directory that counts has changed since. */
export function cachedFindings(path: string, options: AnalyzeOptions): Finding[] {
  const directory = resolve(path);
  const file = existsSync(directory) ? fileFor(directory, options) : undefined;
  const stored = file === undefined ? undefined : readStored(file);
  if (stored) return stored;
  const { analysis: { findings }, inputs } = analyzeWithInputs(directory, options);
  if (file !== undefined) {
    const named = ['package.json', 'tsconfig.json', 'jsconfig.json'].map((name) => join(directory, name));
    const states = [...inputs, ...named, ...directoriesOf(inputs, directory)].flatMap((one) => {
      const state = stateOf(one);
      return state ? [state] : [];
    });
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, JSON.stringify({ inputs: states, findings } satisfies Stored));
    } catch {
      // Where nothing can be written, the next time takes as long.
    }
  }
  return findings;
}
