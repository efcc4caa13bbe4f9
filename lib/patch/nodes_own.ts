import { native } from '../internal/native.js';
import { root } from '../internal/root.js';

/** The rooms of Node's sources where the functions of a group are written. */
const PLACES = { fs: /^(internal\/)?fs/, crypto: /^internal\/crypto/, zlib: /^zlib|^internal\/zlib/, atomics: /^internal\/worker/ } as const;

type Sources = Record<string, string | undefined>;
let sources: Sources | undefined;
const texts = new Map<string, string>();

function sourcesOf(group: keyof typeof PLACES): string {
  let text = texts.get(group);
  if (text !== undefined) return text;
  try {
    sources ??= (process as unknown as { binding(name: string): Sources }).binding('natives');
  } catch {
    // The permission model.
    sources = {};
  }
  text = Object.entries(sources).map(([name, source]) => (PLACES[group].test(name) ? source : '')).join('');
  texts.set(group, text);
  return text;
}

/**
 * Whether a function is Node's own, and not one that a mock or another library has put in its place: such a one is left alone,
 * because a call that went round it would reach the files that it hides.
 */
export function isNodesOwn(group: string, value: unknown): boolean {
  if (typeof value !== 'function') return false;
  const text = Function.prototype.toString.call(value);
  if (text.endsWith('{ [native code] }')) return group === 'atomics' || group === 'child_process';
  if (!(group in PLACES)) return false;
  const all = sourcesOf(group as keyof typeof PLACES);
  return all === '' || all.includes(text);
}

/** Whether the call that is being made comes from Node's own JavaScript. */
export function isCalledByNode(): boolean {
  // The name of a function, if it has one, comes before the place.
  return /(^|\()node:/.test(native.callSite(root));
}
