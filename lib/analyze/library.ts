import { dirname, join } from 'node:path';

import type TS from 'typescript';

import { existsSync, readFileSync } from '../internal/originals.js';
import { ts } from './typescript.js';

/**
 * How surely a function of the library parks: `always` may, and throws where it cannot; `only` parks in one special case (a host name
 * to look up), otherwise works anywhere; `able` parks where the caller can.
 */
export type Certainty = 'always' | 'only' | 'able';

/** A function of the library that parks, by its own documentation. */
export interface Parking {
  /** As users call it: `sleep`, `Socket.read`. */
  readonly name: string;
  /** The module's directory in the library: `net`, `sync`, ... */
  readonly room: string;
  readonly certainty: Certainty;
  /** The call itself does not park, each step of the iterator that it returns does. */
  readonly steps: boolean;
}

/** What a function of the library does with the functions that it is given, and with locks. */
export type LibraryEffect =
  | { readonly does: 'inline' | 'atomic' | 'limit' | 'spawn' | 'serve' | 'main' | 'wrap' | 'keep' }
  | { readonly does: 'with-lock' | 'lock' | 'unlock' | 'try-lock'; readonly shared?: boolean };

/**
 * Functions that take functions, by class and name. `inline`: called on the caller's stack. `limit`: as that, with an end to what waits
 * in them. `spawn`: in a coroutine. `serve`: in a coroutine each time. `main`: on the main stack. `wrap`: what it returns calls them.
 * `keep`: called by an object of the library later, or not at all.
 * test/analyze/library.test.ts fails when a public function takes one and is not here.
 */
const EFFECTS: Readonly<Record<string, LibraryEffect>> = {
  atomic: { does: 'atomic' },
  timeout: { does: 'limit' },
  withSignal: { does: 'limit' },
  shield: { does: 'inline' },
  scope: { does: 'inline' },
  admit: { does: 'inline' },
  waitCallback: { does: 'inline' },
  'CoroutineLocal.run': { does: 'inline' },
  'Sending.cork': { does: 'inline' },
  'SendingConnection.cork': { does: 'inline' },
  transaction: { does: 'inline' },
  withClient: { does: 'inline' },
  'Once.call': { does: 'inline' },
  spawn: { does: 'spawn' },
  'Scope.spawn': { does: 'spawn' },
  create: { does: 'spawn' },
  simulate: { does: 'serve' },
  record: { does: 'spawn' },
  softTimer: { does: 'spawn' },
  serve: { does: 'serve' },
  'Router.get': { does: 'serve' },
  'Router.post': { does: 'serve' },
  'Router.put': { does: 'serve' },
  'Router.patch': { does: 'serve' },
  'Router.delete': { does: 'serve' },
  'Router.on': { does: 'serve' },
  'Router.mount': { does: 'serve' },
  coroutine: { does: 'serve' },
  inCoroutine: { does: 'serve' },
  'FutureConstructor.task': { does: 'serve' },
  'FiberConstructor.constructor': { does: 'spawn' },
  compress: { does: 'wrap' },
  nodeMiddleware: { does: 'keep' },
  deasync: { does: 'keep' },
  'Key.constructor': { does: 'keep' },
  'FutureConstructor.wrap': { does: 'keep' },
  'Future.resolve': { does: 'keep' },
  'Future.resolveSuccess': { does: 'keep' },
  'Coroutine.then': { does: 'main' },
  'Thread.then': { does: 'main' },
  'NodeReadable.on': { does: 'keep' },
  'NodeReadable.off': { does: 'keep' },
  'NodeWritable.on': { does: 'keep' },
  'NodeWritable.off': { does: 'keep' },
  'Mutex.withLock': { does: 'with-lock' },
  'Semaphore.withPermit': { does: 'with-lock' },
  'ReadWriteLock.read': { does: 'with-lock', shared: true },
  'ReadWriteLock.write': { does: 'with-lock' },
  'Mutex.lock': { does: 'lock' },
  'Mutex.timedLock': { does: 'lock' },
  'Mutex.tryLock': { does: 'try-lock' },
  'Mutex.unlock': { does: 'unlock' },
  'Semaphore.acquire': { does: 'lock' },
  'Semaphore.tryAcquire': { does: 'try-lock' },
  'Semaphore.release': { does: 'unlock' },
  'ReadWriteLock.readLock': { does: 'lock', shared: true },
  'ReadWriteLock.writeLock': { does: 'lock' },
  'ReadWriteLock.unlock': { does: 'unlock' },
};

/** Is there a row for this function? @internal */
export function effectOf(name: string): LibraryEffect | undefined {
  return Object.hasOwn(EFFECTS, name) ? EFFECTS[name] : undefined;
}

/** Directory of a package → whether the package is this library. */
const packages = new Map<string, string | undefined>();

/** The directory of the package named `stackful` that a directory lies in. */
function libraryRoot(directory: string): string | undefined {
  if (packages.has(directory)) return packages.get(directory);
  const manifest = join(directory, 'package.json');
  let root: string | undefined;
  if (existsSync(manifest)) {
    try {
      root = (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'stackful' ? directory : undefined;
    } catch {
      root = undefined;
    }
  } else {
    const above = dirname(directory);
    root = above === directory ? undefined : libraryRoot(above);
  }
  packages.set(directory, root);
  return root;
}

/** The file's room in the library, such as `net` or `http/client`; undefined for a file that is not the library's. */
export function roomOf(file: TS.SourceFile): string | undefined {
  const { fileName } = file;
  const root = libraryRoot(dirname(fileName));
  if (root === undefined) return undefined;
  const match = /^\/(?:dist|lib)\/(.*)$/.exec(fileName.slice(root.length));
  if (!match) return undefined;
  const inner = dirname(match[1]!);
  return inner === '.' ? match[1]!.replace(/\..*/, '') : inner;
}

/** As users call it: `sleep`, `Socket.read`, `Listener[Symbol.iterator]`, `Mutex.constructor`. */
export function libraryName(declaration: TS.Declaration): string {
  const constructs = ts.isConstructorDeclaration(declaration) || ts.isClassDeclaration(declaration) ||
    ts.isConstructSignatureDeclaration(declaration) || ts.isCallSignatureDeclaration(declaration);
  const own = constructs
    ? 'constructor'
    : (ts.getNameOfDeclaration(declaration)?.getText() ?? '');
  const owner: TS.Node | undefined = ts.isClassDeclaration(declaration) ? declaration : declaration.parent;
  if (!owner || (!ts.isClassDeclaration(owner) && !ts.isInterfaceDeclaration(owner))) return own;
  return own.startsWith('[') ? `${owner.name!.text}${own}` : `${owner.name!.text}.${own}`;
}

const NEVER = /\bNever parks\b|\bDoes not park\b/;
const STEPS = /\b(?:Each step|each step|a step|The loop) parks\b/;
const PARKS = /(?:^|[^\w'] ?)Parks\b|\bfor which it may park\b|\bIn a coroutine it parks\b/;

/** What a comment says about parking. @internal */
export function parkingIn(comment: string): { certainty: Certainty; steps: boolean } | undefined {
  const text = comment.replace(/\s+/g, ' ');
  if (NEVER.test(text)) return undefined;
  if (STEPS.test(text)) return { certainty: 'always', steps: true };
  if (!PARKS.test(text)) return undefined;
  if (/\bParks only\b|\bParks while `response`|\bfor which it may park\b/.test(text)) return { certainty: 'only', steps: false };
  if (/where the caller can\b|the caller can park\b|\bIn a coroutine it parks\b/.test(text)) return { certainty: 'able', steps: false };
  return { certainty: 'always', steps: false };
}

function commentOf(declaration: TS.Declaration): string | undefined {
  const parts = ts.getJSDocCommentsAndTags(declaration).filter((part) => ts.isJSDoc(part));
  if (parts.length === 0) return undefined;
  return parts.map((part) => ts.getTextOfJSDocComment(part.comment) ?? '').join(' ');
}

const known = new WeakMap<TS.Declaration, Parking | null>();

/** How a declaration of the library parks; a member without a comment is as that of the base class or interface. */
export function parkingOf(declaration: TS.Declaration, checker: TS.TypeChecker): Parking | undefined {
  const before = known.get(declaration);
  if (before !== undefined) return before ?? undefined;
  // A class that is its own base is an error of the program's.
  known.set(declaration, null);
  const room = roomOf(declaration.getSourceFile());
  const found = room === undefined ? undefined : documented(declaration, room, checker);
  known.set(declaration, found ?? null);
  return found;
}

function documented(declaration: TS.Declaration, room: string, checker: TS.TypeChecker): Parking | undefined {
  const symbol = (declaration as { symbol?: TS.Symbol }).symbol;
  const comment = [declaration, ...(symbol?.declarations ?? [])].map(commentOf).find((text) => text !== undefined && text !== '');
  if (comment !== undefined) {
    const parks = parkingIn(comment);
    // `@inheritDoc`, and comments that add to those of the base.
    // Users know the base class of all connections by that of its objects, and `Fiber` by its own name.
    if (parks) return { name: libraryName(declaration).replace(/^Sending\./, 'Socket.').replace(/Constructor\./, '.'), room, ...parks };
    if (!comment.includes('inheritDoc')) return undefined;
  }
  const owner = declaration.parent;
  if (!symbol || (!ts.isClassDeclaration(owner) && !ts.isInterfaceDeclaration(owner))) return undefined;
  for (const clause of owner.heritageClauses ?? []) {
    for (const type of clause.types) {
      const member = checker.getTypeAtLocation(type).getProperty(symbol.name);
      for (const inherited of member?.declarations ?? []) {
        const parks = parkingOf(inherited, checker);
        if (parks) return { ...parks, name: libraryName(declaration) };
      }
    }
  }
  return undefined;
}
