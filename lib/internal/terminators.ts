import Module from 'node:module';
import * as vm from 'node:vm';

import { native } from './native.js';

type Table = Record<string, Run>;
type Run = (this: unknown, ...args: unknown[]) => unknown;

/** A method that runs code which V8 may terminate from another thread, and a test of its arguments for that. */
interface Terminator {
  methods: object;
  name: string;
  limited: (this: void, args: readonly unknown[]) => boolean;
}

interface Limits {
  timeout?: number;
  breakOnSigint?: boolean;
}

/** `place` is the index of the options among the arguments of a function of node:vm. */
const limitedByOptions = (place: number) => (args: readonly unknown[]) => {
  const options = args[place] as Limits | undefined;
  return options?.timeout !== undefined || options?.breakOnSigint === true;
};

/** All functions of `node:vm` call these. Modules exist only with `--experimental-vm-modules`. */
function terminators(): Terminator[] {
  const { Module } = vm as { Module?: { prototype: object } };
  return [
    { methods: vm.Script.prototype, name: 'runInThisContext', limited: limitedByOptions(0) },
    { methods: vm.Script.prototype, name: 'runInContext', limited: limitedByOptions(1) },
    { methods: vm.Script.prototype, name: 'runInNewContext', limited: limitedByOptions(1) },
    ...(Module ? [{ methods: Module.prototype, name: 'evaluate', limited: limitedByOptions(0) }] : []),
  ];
}

/**
 * Code that `node:vm` ends after a time, or at Ctrl-C, must not give way to other coroutines, because V8 terminates the code
 * that runs at that moment, without its `finally` blocks. So such code is an atomic section: a call inside that can park
 * throws AtomicSectionError, and no time slice ends. In a module that is the code before its first `await`; the rest runs in
 * promise callbacks, which are not terminated. Code that a session of `node:inspector` evaluates with a `timeout` is one, too.
 *
 * This does not cover an attached debugger or a session in another thread: a coroutine that these terminate ends with
 * TerminatedError.
 */
export function guardTerminators(): void {
  for (const one of terminators()) guard(one);
  guardSessions();
  guardSessionsAfter(Module as unknown as Table, '_load');
  guardSessionsAfter(process as unknown as Table, 'getBuiltinModule');
  native.watchModules((process as unknown as { moduleLoadList: readonly string[] }).moduleLoadList, guardSessions);
}

function guard({ methods, name, limited }: Terminator): void {
  const table = methods as Table;
  const original = table[name]!;
  const guarded: Run = function (...args) {
    if (!limited(args) || !native.atomicEnter()) return Reflect.apply(original, this, args);
    try {
      return Reflect.apply(original, this, args);
    } finally {
      native.atomicLeave();
    }
  };
  replace(table, name, guarded);
}

function replace(table: Table, name: string, by: Run): void {
  Object.defineProperty(by, 'name', { value: name });
  Object.defineProperty(by, 'length', { value: table[name]!.length });
  table[name] = by;
}

/** Each has a `Session` with a `post` of its own. Guarded ones are deleted. */
const INSPECTORS = new Set(['inspector', 'inspector/promises']);
const EVALUATIONS = new Set<unknown>(['Runtime.evaluate', 'Debugger.evaluateOnCallFrame']);

/**
 * Guards the sessions of node:inspector once the program has loaded it: loading takes 7 ms, so the library does not. After
 * `require` that happens at once; after `import`, before coroutines run the next time, and its promise waits for that.
 */
function guardSessions(): void {
  const { moduleLoadList } = process as unknown as { moduleLoadList: readonly string[] };
  for (const name of INSPECTORS) {
    if (!moduleLoadList.includes(`NativeModule ${name}`)) continue;
    INSPECTORS.delete(name);
    const { Session } = process.getBuiltinModule(`node:${name}`) as { Session: { prototype: object } };
    guard({
      methods: Session.prototype,
      name: 'post',
      limited: ([method, parameters]) => EVALUATIONS.has(method) && (parameters as Limits | undefined)?.timeout !== undefined,
    });
  }
}

/** `table[name]` returns the module that its first argument names. */
function guardSessionsAfter(table: Table, name: string): void {
  const original = table[name]!;
  replace(table, name, function (...args) {
    const module = Reflect.apply(original, this, args);
    if (INSPECTORS.size > 0 && String(args[0]).includes('inspector')) guardSessions();
    return module;
  });
}
