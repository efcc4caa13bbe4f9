import type { Fn } from './model.js';
import type TS from 'typescript';

/** The functions that a variable, a parameter, a property or a result may hold. Property by property, not object by object. */
export class Slot {
  readonly fns = new Set<Fn>();
  readonly to = new Set<Slot>();
  readonly watchers: ((fn: Fn) => void)[] = [];
}

export type Source = Slot | Fn;

function isSlot(source: Source): source is Slot {
  return source instanceof Slot;
}

/** Inclusion constraints between slots, solved as they are added (L. O. Andersen's analysis, for functions only). */
export class Values {
  private readonly slots = new Map<TS.Node, Slot>();
  private readonly results = new Map<Fn, Slot>();
  private readonly pending: [Slot, Fn][] = [];
  private working = false;

  /** Of a variable, a parameter or a property, by its declaration. */
  slotOf(declaration: TS.Node): Slot {
    let slot = this.slots.get(declaration);
    if (!slot) this.slots.set(declaration, (slot = new Slot()));
    return slot;
  }

  /** Of what a function returns. */
  resultOf(fn: Fn): Slot {
    let slot = this.results.get(fn);
    if (!slot) this.results.set(fn, (slot = new Slot()));
    return slot;
  }

  flow(from: readonly Source[], to: Slot): void {
    for (const source of from) {
      if (!isSlot(source)) {
        this.add(to, source);
      } else if (source !== to && !source.to.has(to)) {
        source.to.add(to);
        for (const fn of source.fns) this.add(to, fn);
      }
    }
  }

  /** `then` is told every function that one of `from` holds, now or later. */
  watch(from: readonly Source[], then: (fn: Fn) => void): void {
    for (const source of from) {
      if (!isSlot(source)) {
        then(source);
        continue;
      }
      source.watchers.push(then);
      for (const fn of [...source.fns]) then(fn);
    }
  }

  functionsIn(from: readonly Source[]): Set<Fn> {
    const all = new Set<Fn>();
    for (const source of from) {
      if (isSlot(source)) for (const fn of source.fns) all.add(fn);
      else all.add(source);
    }
    return all;
  }

  private add(slot: Slot, fn: Fn): void {
    this.pending.push([slot, fn]);
    if (this.working) return;
    this.working = true;
    for (let next = this.pending.pop(); next; next = this.pending.pop()) {
      const [to, what] = next;
      if (to.fns.has(what)) continue;
      to.fns.add(what);
      for (const further of to.to) this.pending.push([further, what]);
      for (const watcher of [...to.watchers]) watcher(what);
    }
    this.working = false;
  }
}
