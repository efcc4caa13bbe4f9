/**
 * Where the library leaves this process: the native calls on sockets and files, and questions about names. Files that make such
 * calls register what they call with {@link seam}, and a simulation or a recording puts functions of its own in the place. Outside
 * of those nothing is different: the calls are the native functions themselves.
 */

/** Functions that return numbers, bytes or text; what they do to their arguments is part of the answer, too. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- their arguments are as different as the calls
export type Calls = Record<string, (...args: any[]) => unknown>;

interface Seam {
  readonly originals: Calls;
  /** Puts these functions in the place of the originals, and the originals where there is none. */
  readonly put: (calls: Calls) => void;
}

const seams = new Map<string, Seam>();
/** What is to be put into seams, also those of modules that are loaded later. */
let replacement: ((name: string, originals: Calls) => Calls) | undefined;

/** Says that a module calls `originals`; `put` has to make it call others. */
export function seam<C extends object>(name: string, originals: C, put: (calls: C) => void): void {
  const one = { originals: originals as Calls, put: put as (calls: Calls) => void };
  seams.set(name, one);
  if (replacement) one.put({ ...one.originals, ...replacement(name, one.originals) });
}

/** Is told of what comes from outside by another way, which neither a recording nor a replay has. */
export const beyond = { note: undefined as ((what: string) => void) | undefined };

/** Says that `what` comes from outside by another way than a seam: from a worker, say. */
export function noSeam(what: string): void {
  beyond.note?.(what);
}

/** From now on calls go to what `by` makes for each seam; undefined: to the originals. */
export function interpose(by: typeof replacement): void {
  replacement = by;
  for (const [name, { originals, put }] of seams) put(by ? { ...originals, ...by(name, originals) } : originals);
}
