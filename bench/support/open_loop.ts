/** ../peers/open-loop.c, and what it prints of a phase. */

import { buildC } from './cache.js';

export interface Phase {
  seconds: number;
  due: number;
  ok: number;
  refused: number;
  timeout: number;
  error: number;
  unsent: number;
  p50: number;
  p99: number;
  paths: Record<string, [due: number, ok: number]>;
}

export const generatorOf = (): Promise<string> => buildC('open-loop', { header: 'math.h', flag: '-lm', package: 'libc6-dev' });
