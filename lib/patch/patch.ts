import { syncBuiltinESMExports } from 'node:module';

import { invalidType } from '../internal/arguments.js';
import { knownOptions, nearestTo } from '../internal/options.js';
import { atomicsTargets } from './atomics.js';
import { childProcessTargets } from './child_process.js';
import { CannotPatchError } from './errors.js';
import { cryptoTargets } from './crypto.js';
import { fsTargets } from './fs.js';
import { isNodesOwn } from './nodes_own.js';
import { MARK, Replacement, type Target } from './replacement.js';
import { zlibTargets } from './zlib.js';

/** The groups of functions, and what they are. */
const GROUPS = {
  fs: fsTargets,
  child_process: childProcessTargets,
  crypto: cryptoTargets,
  zlib: zlibTargets,
  atomics: atomicsTargets,
} as const;
type Group = keyof typeof GROUPS;
const NAMES = Object.keys(GROUPS) as Group[];
const KNOWN: ReadonlySet<string> = new Set(NAMES);

/**
 * What {@link patch} replaces: whole groups, or some of their functions by name (`['readFileSync']`). If a group is true or a list,
 * groups that are not named are left; otherwise all are replaced but those that are false.
 */
export type PatchSelection = { readonly [G in Group]?: boolean | readonly string[] };

/** What {@link patch} has done. */
export interface PatchReport {
  /** The functions that park now, also from earlier calls. */
  patched: string[];
  /** Those that were asked for and are as before, each with the reason. */
  left: { name: string; reason: string }[];
}

/** By their names. */
const replacements = new Map<string, Replacement>();

/**
 * Makes Node's blocking functions park when they are called in a coroutine. Elsewhere, and where a coroutine cannot park (in
 * `atomic`, in some callbacks of native code), they are what they were. Results and errors are those of the originals. Never parks.
 *
 * Code sees it that takes a function from its module when it calls it (`fs.readFileSync(…)`), and imports by name. What somebody
 * else has replaced before is left alone. A second call adds to the first.
 *
 * @throws TypeError (`ERR_UNKNOWN_OPTION`, `ERR_INVALID_ARG_TYPE`), CannotPatchError (`ERR_CANNOT_PATCH`) where an object is frozen
 *   (`--frozen-intrinsics`): nothing is replaced then
 *
 * @example
 * ```ts
 * import { readFileSync, writeFileSync } from 'node:fs';
 * import { spawn } from 'stackful';
 * import { patch, unpatch } from 'stackful/patch/api';
 *
 * patch({ fs: true });
 * await spawn(() => {
 *   writeFileSync('greeting.txt', 'hello'); // the thread goes on with other coroutines meanwhile
 *   console.log(readFileSync('greeting.txt', 'utf8')); // hello
 * });
 * unpatch();
 * ```
 */
export function patch(which: PatchSelection = {}): PatchReport {
  const left: PatchReport['left'] = [];
  const ready: Replacement[] = [];
  const again: Replacement[] = [];
  const frozen: string[] = [];
  const groups = new Set<Group>();
  for (const [group, target] of chosen(which)) {
    const { name, holder, key } = target;
    const before = replacements.get(name);
    if (before) {
      again.push(before);
      continue;
    }
    const descriptor = Object.getOwnPropertyDescriptor(holder, key);
    const value = (holder as Record<string, unknown>)[key];
    const reason = value === undefined ? undefined : reasonToLeave(group, value);
    // What this Node does not have is not worth a line.
    if (!descriptor || value === undefined) continue;
    if (reason) {
      left.push({ name, reason });
    } else if (!descriptor.configurable) {
      frozen.push(name);
      groups.add(group);
    } else ready.push(new Replacement(target, descriptor));
  }
  if (frozen.length > 0) {
    const [group] = [...groups];
    throw new CannotPatchError(frozen, `the object that has it is frozen; patch({ ${group!}: false }) leaves it out`);
  }
  for (const replacement of again) replacement.on = true;
  for (const replacement of ready) {
    replacement.put();
    replacements.set(replacement.target.name, replacement);
  }
  if (ready.length > 0) syncBuiltinESMExports();
  return { patched: patched(), left };
}

function reasonToLeave(group: Group, value: unknown): string | undefined {
  if (MARK in (value as object)) return 'another copy of stackful has replaced it';
  if (!isNodesOwn(group, value)) return 'something else has replaced it before';
  if (group === 'fs' && 'permission' in process) return "Node's permission model is on";
  return undefined;
}

/** @throws TypeError */
function chosen(which: PatchSelection): [Group, Target][] {
  knownOptions('patch', which, KNOWN);
  const wanted = NAMES.filter((group) => which[group] !== undefined && which[group] !== false);
  const all: [Group, Target][] = [];
  for (const group of wanted.length > 0 ? wanted : NAMES.filter((name) => which[name] !== false)) {
    const names = which[group] ?? true;
    const targets = GROUPS[group]();
    if (names !== true) checkNames(group, names, targets);
    for (const target of targets) {
      if (names === true || wordsOf(target).some((word) => (names as readonly string[]).includes(word))) all.push([group, target]);
    }
  }
  return all;
}

/** How a selection may name a target. */
function wordsOf({ name, covers }: Target): readonly string[] {
  return covers ?? [name.slice(name.indexOf('.') + 1)];
}

function checkNames(group: Group, names: unknown, targets: readonly Target[]): void {
  if (!Array.isArray(names)) throw invalidType(`options.${group}`, 'a boolean or an array of names', names);
  const known = targets.flatMap(wordsOf);
  for (const name of names as unknown[]) {
    if (known.includes(name as string)) continue;
    const nearest = nearestTo(String(name), known);
    const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean '${nearest}'?`;
    throw Object.assign(new TypeError(`patch does not replace '${group}.${String(name)}': ${hint}`), { code: 'ERR_UNKNOWN_OPTION' });
  }
}

/**
 * Puts the originals back. Calls under way end as they would have. Where somebody else has replaced a function after
 * {@link patch}, theirs stays, and what it calls of ours blocks again. Without {@link patch} it does nothing. Never parks.
 *
 * @throws CannotPatchError (`ERR_CANNOT_PATCH`) where an object has been frozen meanwhile: its functions stay in their places, and
 *   block as the originals do
 *
 * @example
 * ```ts
 * import { patch, patched, unpatch } from 'stackful/patch/api';
 *
 * patch({ fs: ['readFileSync'] });
 * console.log(patched()); // [ 'fs.readFileSync' ]
 * unpatch();
 * console.log(patched()); // []
 * ```
 */
export function unpatch(): void {
  const frozen: string[] = [];
  for (const [name, replacement] of replacements) {
    replacement.on = false;
    if (!replacement.inPlace) continue;
    if (!Object.getOwnPropertyDescriptor(replacement.target.holder, replacement.target.key)!.configurable) {
      frozen.push(name);
      continue;
    }
    replacement.restore();
    replacements.delete(name);
  }
  syncBuiltinESMExports();
  if (frozen.length > 0) throw new CannotPatchError(frozen, 'they are frozen in their places, and block again');
}

/**
 * The functions that park now, by their names.
 *
 * @example
 * ```ts
 * import { patch, patched, unpatch } from 'stackful/patch/api';
 *
 * patch({ fs: true });
 * console.log(patched().includes('fs.statSync')); // true
 * unpatch();
 * ```
 */
export function patched(): string[] {
  return [...replacements].flatMap(([name, { on, target }]) => (on ? (target.covers?.map((word) => `${name.split('.')[0]!}.${word}`) ?? [name]) : []));
}
