/**
 * How sure a finding is, and how bad: an `error` throws whenever that line runs that way, a `warning` is wrong under some order of
 * events, a `note` is worth knowing.
 */
export type Severity = 'error' | 'warning' | 'note';

/** A place in a source file; lines and columns count from 1. */
export interface Place {
  /** The file's path, relative to the analysed directory. */
  file: string;
  /** Its line. */
  line: number;
  /** Its column. */
  column: number;
}

/** One call on the way from a finding to the call that parks. */
export interface TraceStep extends Place {
  /** What happens there, such as `load calls readFile`. */
  text: string;
}

/** Something that the analysis has found. */
export interface Finding extends Place {
  /** The rule's name, by which a comment suppresses it. */
  rule: string;
  /** How bad it is. */
  severity: Severity;
  /** What happens at run time, and what to do. */
  message: string;
  /** The calls that lead from there to the call that parks, and other places that belong to it. */
  trace: TraceStep[];
}
