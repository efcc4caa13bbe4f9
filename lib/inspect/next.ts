import { nameOf } from '../internal/names.js';
import { durationText } from '../observe/dump.js';
import { runQueue } from '../schedule/run_queue.js';
import type { LowImportanceState, RunQueueState } from './wire.js';

/** Who runs next, and why. */
export function runQueueState(): RunQueueState {
  const { next, lowImportance, ...about } = runQueue();
  return {
    ...about,
    next: next.map(({ coroutine: { id, name }, reason, readyFor, after }) => ({ id, name, reason, readyFor, after })),
    lowImportance: lowImportance.map(({ coroutine: { id, name }, ...state }) => ({ id, name, ...state })),
  };
}

/** The same to read in a terminal. */
export function runQueueText({ policyName, ready, next, groups, lowImportance }: RunQueueState): string {
  const lines = [
    `policy: ${policyName}; ready: ${String(ready)}`,
    ...next.map((one, i) => `${String(i + 1)}. ${nameOf(one)}: ${one.reason}`),
    ...(next.length < ready ? [`… and ${String(ready - next.length)} more`] : []),
    ...groups.map(({ name, weight, ran }) => `group ${name.replace(/^group /, '')}: weight ${String(weight)}, has run for ${durationText(ran)}`),
    ...lowImportance.map(lowText),
  ];
  return `${lines.join('\n')}\n`;
}

function lowText(one: LowImportanceState): string {
  const { state, suspendedFor = 0, suspension = 0, rate, target } = one;
  const progress = rate === undefined ? '' : `, progress ${rate.toPrecision(3)}/s`;
  const slow = target === undefined ? '' : `, slow below ${target.toPrecision(3)}/s`;
  const what = state === 'suspended' ? `suspended for ${durationText(suspendedFor)} of ${durationText(suspension)}` : state;
  return `low importance ${nameOf(one)}: ${what}${progress}${slow}`;
}
