import type TS from 'typescript';

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
  const isInside = ({ pos, end }: TS.Node) => pos >= from && end <= to;
  const isLimited = ({ callbackOf }: Site) => callbackOf?.effect?.does === 'limit';
  const isHolder = ({ callbackOf }: Site) => callbackOf?.effect?.does === 'with-lock';
  const bodies = graph.fns.filter((other) => other.outer === fn && isInside(other.node) && other.callers.some(isHolder));
  return [...fn.sites.filter(({ node }) => isInside(node)), ...bodies.flatMap(({ sites }) => sites)].filter((site) => !isLimited(site));
}
