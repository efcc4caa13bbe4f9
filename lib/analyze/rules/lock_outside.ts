import type { Fn, Site } from '../model.js';
import { parkedBy } from '../parking.js';
import type { Analysed, Rule } from './rule.js';

/** Rooms of the library whose calls wait for somebody outside the process. */
const OUTSIDE = new Set(['net', 'tls', 'dns', 'websocket', 'http', 'http/client', 'child_process']);

/** Locks that are held while another machine or program is waited for, without a limit. */
export const lockOutside: Rule = {
  name: 'lock-outside',
  severity: 'note',
  about: 'A lock is held across a call that waits for another machine or program, without a time limit.',
  check(analysed, report) {
    const { locks, hard, loaded, trace } = analysed;
    for (const [fn, region] of locks.all) {
      if (region.lock.shared) continue;
      const outside = callsIn(fn, region.from, region.to, analysed).filter(({ callbackOf }) => callbackOf !== region.site);
      for (const site of outside) {
        const reason = hard.reasonAt(site);
        const seed = reason && parkedBy(reason, hard);
        if (!reason || !seed || !OUTSIDE.has(seed.room)) continue;
        report({
          node: region.site.node,
          message: `${region.lock.text} is held while ${seed.name} waits for another machine or program: everything that needs the lock waits as long. ` +
            'Give it a limit, timeout(ms, () => …), or do this before the lock is taken',
          trace: [{ ...loaded.placeOf(region.site.node), text: `takes ${region.lock.text}` }, ...trace(reason, hard)],
        });
        break;
      }
    }
  },
};

/** The calls of a region, those of callbacks in it included, and without what a time limit ends. */
function callsIn(fn: Fn, from: number, to: number, { graph }: Analysed): Site[] {
  const inside = fn.sites.filter(({ node, callbackOf }) => node.pos >= from && node.end <= to && callbackOf?.effect?.does !== 'limit');
  const body = graph.fns.filter((other) => other.outer === fn && other.node.pos >= from && other.node.end <= to && other.callers.some(({ callbackOf }) => callbackOf?.effect?.does === 'with-lock'));
  return [...inside, ...body.flatMap((one) => one.sites.filter(({ callbackOf }) => callbackOf?.effect?.does !== 'limit'))];
}
