import { parkedBy } from '../parking.js';
import { ts } from '../typescript.js';
import type { Rule } from './rule.js';

/** Calls inside `atomic(fn)` that may park. */
export const atomicParks: Rule = {
  name: 'atomic-parks',
  severity: 'error',
  about: 'A call inside atomic() may park, and throws AtomicSectionError there.',
  check({ graph, hard, trace }, report) {
    for (const fn of graph.fns) {
      for (const section of fn.sites) {
        if (section.callbackOf?.effect?.does !== 'atomic') continue;
        const literal = ts.isFunctionLike(section.node);
        const inside = literal ? [...section.targets].flatMap(({ sites }) => sites) : [section];
        for (const site of inside) {
          const reason = hard.reasonAt(site);
          if (!reason) continue;
          const by = parkedBy(reason, hard)?.name ?? 'a call';
          const message = `${by} may park inside atomic(), where it throws AtomicSectionError even if it would not have had to wait. ` +
            'Move it before or behind the section, or hold a Mutex instead';
          report({ node: site.node, message, trace: trace(reason, hard) });
        }
      }
    }
  },
};
