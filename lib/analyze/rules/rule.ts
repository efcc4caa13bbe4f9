import type TS from 'typescript';

import type { Context } from '../contexts.js';
import type { Severity, TraceStep } from '../finding.js';
import type { LockMap } from '../locks.js';
import type { Fn, Graph } from '../model.js';
import type { ParkingAnalysis, Reason } from '../parking.js';
import type { Loaded } from '../program.js';

/** What a rule works on. */
export interface Analysed {
  readonly loaded: Loaded;
  readonly graph: Graph;
  /** Everything that may park. */
  readonly parking: ParkingAnalysis;
  /** What throws where it cannot park. */
  readonly hard: ParkingAnalysis;
  readonly contexts: ReadonlyMap<Fn, Context>;
  readonly locks: LockMap;
  /** Does the main module run in a coroutine? */
  readonly mainInCoroutine: boolean;
  readonly trace: (reason: Reason, analysis?: ParkingAnalysis) => TraceStep[];
}

export interface Report {
  readonly node: TS.Node;
  readonly message: string;
  readonly trace?: TraceStep[];
}

export interface Rule {
  readonly name: string;
  readonly severity: Severity;
  /** One sentence, for SARIF and the documentation. */
  readonly about: string;
  readonly check: (analysed: Analysed, report: (found: Report) => void) => void;
}
