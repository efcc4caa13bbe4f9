import { SharedState } from '../shared_state.js';
import { StateWalk } from '../state_walk.js';
import type { Rule } from './rule.js';

/** Shared state that is read, and written after a call that parked, on the strength of what was read. */
export const checkThenAct: Rule = {
  name: 'check-then-act',
  severity: 'warning',
  about: 'Shared state is read, a call parks, and the state is written by what was read, without a lock over both.',
  check(analysed, report) {
    const { graph, loaded, contexts, locks, parking, trace } = analysed;
    const state = new SharedState(loaded, graph, contexts);
    for (const fn of graph.fns) {
      const inOther = fn.callers.some(({ callbackOf, node }) => callbackOf !== undefined && node === fn.node);
      if (inOther || !loaded.shows(fn.node.getSourceFile()) || !state.isConcurrent(fn)) continue;
      new StateWalk(analysed, state, fn, ({ location, read, park, write }) => {
        const still = locks.heldAt(write.node, write.fn);
        const safe = locks.heldAt(read.node, read.fn).some((region) => !region.lock.shared && still.includes(region));
        const reason = parking.reasonAt(park) ?? { site: park, next: [...park.targets].slice(0, 1) };
        if (safe) return;
        const readPlace = loaded.placeOf(read.node);
        const parkPlace = loaded.placeOf(park.node);
        report({
          node: write.node,
          message: `${location.text} was read in line ${String(readPlace.line)}; the call in line ${String(parkPlace.line)} parks, other coroutines may change it meanwhile, and it is ` +
            'written here by what it was before. Hold a Mutex over both, check again behind the call, or write before it',
          trace: [
            { ...readPlace, text: `reads ${location.text}` },
            ...trace(reason),
            { ...loaded.placeOf(write.node), text: `writes ${location.text}` },
          ],
        });
      }).run();
    }
  },
};
