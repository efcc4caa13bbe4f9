import type { Profiler } from 'node:inspector';

import { framesOf, isLibrary, isProgram, nameOfFrame, placeOf } from './frames.js';
import type { Point } from './points.js';
import type { Flame } from './wire.js';

/** What is narrower than this share of the whole is left out: it could not be seen. */
const LEAST_SHARE = 1e-3;
/** More different stacks are not kept. */
const MOST_STACKS = 5_000;

function node(name: string, place = ''): Flame {
  return { name, place, value: 0, children: [] };
}

function childOf(parent: Flame, name: string, place: string): Flame {
  let child = parent.children.find((other) => other.name === name && other.place === place);
  if (!child) parent.children.push((child = node(name, place)));
  return child;
}

/** Sums the values of children up, and leaves out what cannot be seen. */
function pruned(root: Flame): Flame {
  const least = root.value * LEAST_SHARE;
  const prune = (at: Flame) => {
    at.children = at.children.filter(({ value }) => value >= least).sort((a, b) => b.value - a.value);
    at.children.forEach(prune);
  };
  prune(root);
  return root;
}

/** Where coroutines wait: stacks of parked ones, each with the time that coroutines have been parked there. */
export class WaitingStacks {
  private readonly times = new Map<string, { kind: string; stack: string; ms: number }>();

  add(stacks: readonly { point: Point; stack: string; weight: number }[], ms: number): void {
    for (const { point, stack, weight } of stacks) {
      const key = `${point.kind}\n${stack}`;
      const time = this.times.get(key);
      if (time) time.ms += weight * ms;
      else if (this.times.size < MOST_STACKS) this.times.set(key, { kind: point.kind, stack, ms: weight * ms });
    }
  }

  /** The outermost frames first; the leaves are what coroutines park on. */
  get flame(): Flame {
    const root = node('all coroutines');
    for (const { kind, stack, ms } of this.times.values()) {
      const frames = framesOf(stack);
      const program = frames.filter(isProgram).reverse();
      const path = program.length > 0 ? program : frames.filter(isLibrary).slice(0, 1);
      let at = root;
      at.value += ms;
      for (const frame of path) {
        at = childOf(at, nameOfFrame(frame), placeOf(frame));
        at.value += ms;
      }
      childOf(at, kind, '').value += ms;
    }
    return pruned(root);
  }
}

/** Where code runs: a profile of V8's. */
export function flameOfProfile({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Flame {
  const selves = new Map<number, number>();
  for (const [i, id] of samples.entries()) {
    selves.set(id, (selves.get(id) ?? 0) + Math.max(timeDeltas[i] ?? 0, 0) / 1_000);
  }
  const byId = new Map(nodes.map((each) => [each.id, each]));
  const build = (id: number): Flame => {
    const { callFrame, children = [] } = byId.get(id)!;
    const { functionName: name, url: script, lineNumber } = callFrame;
    const flame = node(name || '(anonymous)', script === '' ? '' : placeOf({ name, script, line: lineNumber + 1 }));
    flame.children = children.map(build);
    flame.value = flame.children.reduce((sum, child) => sum + child.value, selves.get(id) ?? 0);
    return flame;
  };
  const root = build(nodes[0]!.id);
  root.name = 'this thread';
  return pruned(root);
}
