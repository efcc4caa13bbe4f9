import type TS from 'typescript';

import type { Fn, Site, Start } from '../model.js';
import { parkedBy, type Reason } from '../parking.js';
import { ts } from '../typescript.js';
import type { Analysed, Rule } from './rule.js';

const THROWS = 'where no code can wait: it throws NotInCoroutineError';

/** Calls that park on the main stack: in callbacks of promises, timers and Node, behind an `await`, at the top level of modules. */
export const wrongStack: Rule = {
  name: 'wrong-stack',
  severity: 'error',
  about: 'A call that parks runs on the main stack, where it throws.',
  check(analysed, report) {
    const seen = new Set<Site>();
    const tell = (site: Site, reason: Reason, node: TS.Node, where: string, advice: string, before: Start | undefined): void => {
      if (seen.has(site)) return;
      seen.add(site);
      const { placeOf } = analysed.loaded;
      const by = parkedBy(reason, analysed.hard)?.name ?? 'a call';
      const trace = analysed.trace(reason, analysed.hard);
      if (before && before.node !== site.node) trace.unshift({ ...placeOf(before.node), text: `${before.fn.name} gives it away: it becomes ${before.how}` });
      report({ node, message: `${by} parks, and ${where}, ${THROWS}. ${advice}`, trace });
    };
    const SPAWN = 'Run it in a coroutine: spawn(() => …)';
    for (const start of analysed.graph.starts) {
      if (start.stack !== 'main') continue;
      for (const fn of start.targets) {
        for (const [site, reason] of parkingSites(fn, analysed)) {
          // A function that is given by its name may be right elsewhere; giving it away here is wrong.
          const node = ts.isFunctionLike(start.node) ? site.node : start.node;
          tell(site, reason, node, `${start.how} runs on the main stack`, SPAWN, start);
        }
      }
    }
    for (const fn of analysed.graph.fns) {
      if (ts.isSourceFile(fn.node) && !analysed.mainInCoroutine) {
        for (const [site, reason] of parkingSites(fn, analysed)) {
          const advice = `${SPAWN}, or start the program with "stackful run"`;
          tell(site, reason, site.node, 'the top level of a module runs on the main stack', advice, undefined);
        }
      } else if (fn.isAsync) {
        for (const [site, reason] of parkingSites(fn, analysed)) {
          if (!site.afterAwait) continue;
          const advice = 'Make the function a plain one that uses wait() instead of await, or spawn here';
          tell(site, reason, site.node, `what follows an await in ${fn.name} is a promise callback, on the main stack`, advice, undefined);
        }
      }
    }
  },
};

function parkingSites(fn: Fn, { hard }: Analysed): [Site, Reason][] {
  return fn.sites.flatMap((site): [Site, Reason][] => {
    const reason = site.guarded ? undefined : hard.reasonAt(site);
    return reason ? [[site, reason]] : [];
  });
}
