import type TS from 'typescript';

import type { Fn, Site } from './model.js';
import type { Analysed } from './rules/rule.js';
import { ts } from './typescript.js';

/** A place where coroutines may park. */
export interface StaticPoint {
  /** Its number. */
  readonly id: number;
  /** What parks there: `Socket.read`; `start` and `end` of coroutines. */
  readonly kind: string;
  /** The function that it stands in. */
  readonly name: string;
  /** Its file, relative to the analysed directory; '' for `start` and `end`. */
  readonly file: string;
  /** Its line, from 1; 0 for `start` and `end`. */
  readonly line: number;
}

/** Code that may run between two parks of a coroutine. */
export interface StaticPath {
  /** The id of the point where it begins. */
  readonly from: number;
  /** The id of the point where it ends. */
  readonly to: number;
}

/** Where coroutines may park, and what may run between. */
export interface StaticGraph {
  /** The places, the first two being where coroutines start and end. */
  readonly points: readonly StaticPoint[];
  /** The code between two of them. */
  readonly paths: readonly StaticPath[];
}

/** The calls that park where a function is entered first, and those after which it may be left without another. */
interface Ends {
  readonly first: ReadonlySet<Site>;
  readonly last: ReadonlySet<Site>;
}

const NONE: Ends = { first: new Set(), last: new Set() };

/**
 * The blocking graph as far as the source tells it: the paper's, whose nodes are blocking points and whose edges are the code between two
 * of them. Within a function calls follow each other as they stand; a loop leads from its last to its first.
 */
export function staticGraph(analysed: Analysed): StaticGraph {
  return new GraphBuilder(analysed).build();
}

class GraphBuilder {
  private readonly ends = new Map<Fn, Ends>();
  private readonly points = new Map<Site, StaticPoint>();
  private readonly paths = new Map<string, StaticPath>();

  constructor(private readonly analysed: Analysed) {}

  build(): StaticGraph {
    const start: StaticPoint = { id: 0, kind: 'start', name: 'a coroutine starts', file: '', line: 0 };
    const end: StaticPoint = { id: 1, kind: 'end', name: 'it ends', file: '', line: 0 };
    for (const one of this.analysed.graph.starts) {
      if (one.stack !== 'coroutine') continue;
      for (const fn of one.targets) {
        const { first, last } = this.endsOf(fn);
        for (const site of first) this.path(start, this.point(site));
        for (const site of last) this.path(this.point(site), end);
      }
    }
    return { points: [start, end, ...this.points.values()], paths: [...this.paths.values()] };
  }

  private point(site: Site): StaticPoint {
    let point = this.points.get(site);
    if (!point) {
      const { file, line } = this.analysed.loaded.placeOf(site.node);
      point = { id: this.points.size + 2, kind: site.seed!.name, name: site.fn.name, file, line };
      this.points.set(site, point);
    }
    return point;
  }

  private path(from: StaticPoint, to: StaticPoint): void {
    this.paths.set(`${String(from.id)}>${String(to.id)}`, { from: from.id, to: to.id });
  }

  private endsOf(fn: Fn): Ends {
    const known = this.ends.get(fn);
    if (known) return known;
    // A recursive call adds nothing to where the function begins.
    this.ends.set(fn, NONE);
    const steps = fn.sites.filter((site) => !site.afterAwait && this.analysed.parking.mayPark(site))
      .sort((a, b) => a.node.end - b.node.end)
      .map((site) => ({ site, ends: this.endsAt(site) }))
      .filter(({ ends }) => ends.first.size > 0);
    for (const [i, { ends: { last } }] of steps.entries()) {
      const next = steps[i + 1];
      if (next) this.join(last, next.ends.first);
    }
    for (const loop of loopsOf(steps.map(({ site }) => site), fn.node)) {
      const inside = steps.filter(({ site }) => loop.pos <= site.node.pos && site.node.end <= loop.end);
      this.join(inside.at(-1)!.ends.last, inside[0]!.ends.first);
    }
    const ends: Ends = { first: steps[0]?.ends.first ?? NONE.first, last: steps.at(-1)?.ends.last ?? NONE.last };
    this.ends.set(fn, ends);
    return ends;
  }

  private endsAt(site: Site): Ends {
    if (site.seed && !site.seed.steps) return { first: new Set([site]), last: new Set([site]) };
    const all = [...site.targets].map((fn) => this.endsOf(fn));
    return { first: new Set(all.flatMap(({ first }) => [...first])), last: new Set(all.flatMap(({ last }) => [...last])) };
  }

  private join(from: ReadonlySet<Site>, to: ReadonlySet<Site>): void {
    for (const one of from) for (const other of to) this.path(this.point(one), this.point(other));
  }
}

function loopsOf(sites: readonly Site[], root: TS.Node): Set<TS.Node> {
  const loops = new Set<TS.Node>();
  for (const { node } of sites) {
    for (let up = node.parent; up && up !== root; up = up.parent) if (ts.isIterationStatement(up, false)) loops.add(up);
  }
  return loops;
}
