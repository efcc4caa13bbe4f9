import { inspect, type InspectOptions } from 'node:util';

import type { Coroutine } from '../coroutine/coroutine.js';

/** Makes `console.log` print the public properties of a coroutine in place of two dozen internal fields. */
export function showInConsole(prototype: object): void {
  Object.defineProperty(prototype, inspect.custom, {
    value(this: Coroutine, depth: number, options: InspectOptions) {
      if (depth < 0) return `[C${this.label.slice(1)}]`;
      const { state, parkedOn, spawnSite } = this;
      return `C${this.label.slice(1)} ${inspect(withoutAbsent({ state, parkedOn, spawnSite }), options)}`;
    },
    configurable: true,
    writable: true,
  });
}

/** How `console.log` shows a shared object: `Channel #4 jobs { length: 2, capacity: 10, closed: false }`. */
export function shown(head: string, about: object, depth: number, options: InspectOptions): string {
  return depth < 0 || Object.keys(about).length === 0 ? head : `${head} ${inspect(about, options)}`;
}

function withoutAbsent(about: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(about).filter(([, value]) => value !== undefined));
}
