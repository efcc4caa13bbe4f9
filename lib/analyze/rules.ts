import { atomicParks } from './rules/atomic.js';
import { checkThenAct } from './rules/check_then_act.js';
import { liveState } from './rules/live_state.js';
import { lockLeak } from './rules/lock_leak.js';
import { lockOrder, lockRecursive } from './rules/lock_order.js';
import { lockOutside } from './rules/lock_outside.js';
import { lostPromise } from './rules/promises.js';
import type { Rule } from './rules/rule.js';
import { stackBound } from './rules/stack_bound.js';
import { wrongStack } from './rules/wrong_stack.js';

/** All rules, and what the analysis says about comments that suppress. */
export const RULES: readonly Rule[] = [
  wrongStack,
  atomicParks,
  checkThenAct,
  lockRecursive,
  lockOrder,
  lockLeak,
  lockOutside,
  lostPromise,
  liveState,
  stackBound,
  {
    name: 'suppression',
    severity: 'warning',
    about: 'A comment that suppresses findings has no reason, or nothing to suppress.',
    check: () => undefined,
  },
];
