// The search of scripts/learn-layout.mjs: from the numbers of one V8 to those of another.
//
// The addon looks for V8's private state in a fixed order: it locates everything, confirms each find by what V8 does with it,
// then takes a fresh thread's state apart. The reason of its refusal says how far it got, which ranks a set of numbers. Each round
// tries every change of one number, and of numbers that belong together, values that some V8 has first. It goes on from the change
// that got furthest; where that leads nowhere, from the next. Changes that end the process come last: such a change may be right,
// and another number wrong.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ABSENT, SEARCHED } from './blocks.mjs';

/** Rounds of some 1,200 trials, 3 to 5 s each, before it gives up. */
const MOST_ROUNDS = 80;
/** How many changes of one round are followed: of those that got as far, and of those that ended the process. */
const [MOST_TIES, MOST_CRASHES] = [8, 6];

const child = fileURLToPath(new URL('trials.mjs', import.meta.url));

/** The addon's reasons for a refusal, in order. The same words mean less while it still locates. */
const ORDER = [
  'isolate size', 'isolate memory', 'thread top', 'handle scope data is ambiguous', 'handle scope data',
  'handle scope implementer is ambiguous', 'handle scope implementer', 'thread manager is ambiguous', 'thread manager',
  'stack start is ambiguous', 'stack start', 'stack reach is ambiguous', 'probe call', 'relocatable chain is ambiguous',
  'relocatable chain', 'shutdown list probe', 'unexpected shutdown list', 'async context word',
];
const CONFIRMED = [
  'isolate', 'stack guard', 'stack limit', 'stack limit word', 'interrupt probe', 'open interrupt scope', 'interrupt request',
  'second stack limit', 'interrupt flags', 'thread top words', 'thread top isolate', 'try-catch word', 'try-catch chain',
  'JavaScript entry word', 'thread id word', 'access check word', 'trap flag word is ambiguous', 'trap flag word',
  'handle scope data', 'handle scope level', 'thread manager', 'other threads are archived in this isolate',
  'handle data is the last of the implementer', 'handle scope implementer', 'stack start', 'stack reach', 'relocatable chain',
  'shutdown list', 'async context word',
  // The state of a fresh thread is compared with these.
  'isolate is not locked by this thread', 'no thread for the template', 'archived thread list', 'archived handle scope implementer',
  'archived handle scope data', 'archived thread top', 'archived relocatable chain', 'archived stack guard', 'spare handle block',
  'handle block size', 'handle block list', 'fresh thread top',
];
const FOUND = ORDER.length + CONFIRMED.length + 1;

const show = (move) => Object.entries(move).map(([name, value]) => `${name} = ${value === ABSENT ? 'SIZE_MAX' : value}`).join(', ');

/** How far a trial got; an unknown reason, and a crash, are no progress. */
function rank(trial) {
  if (!trial) return -1;
  const [located, reason] = trial;
  if (reason === null) return FOUND;
  if (!located) return ORDER.indexOf(reason);
  const at = CONFIRMED.indexOf(reason);
  return at < 0 ? -1 : ORDER.length + at;
}

const range = (from, to, step) => Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);

/** Everything that one round tries: values of V8s that are known first, then the smallest changes. */
function moves(numbers, known) {
  const all = [];
  const near = (name, values) => {
    const distance = (value) => Math.abs(value - numbers[name]);
    const sorted = values.filter((value) => value !== numbers[name]).sort((a, b) => distance(a) - distance(b));
    for (const value of sorted) all.push({ [name]: value });
  };
  for (const name of ['twoLimits', 'shutdownList', 'stackReach']) near(name, [0, 1]);
  for (const name of SEARCHED) if (name.endsWith('Word')) near(name, [...range(0, 31, 1), ...(name === 'trapFlagWord' ? [ABSENT] : [])]);
  for (const name of ['spareInImplementer', 'managerAnchors', 'interruptScopes']) near(name, range(0, 0x100, 8));
  near('heapStackStartInTarget', [0, ...range(0x400, 0xa00, 8)]);
  // The handle data is the last of the implementer.
  for (const handleDataBytes of [24, 32, 40]) {
    for (const handleDataInImplementer of range(0x48, 0xb0, 8)) {
      const together = { handleDataBytes, handleDataInImplementer, handleImplementerBytes: handleDataInImplementer + handleDataBytes };
      all.push(together);
      // While it is wrong, the word before it, by which the search recognises it, is wrong, too.
      for (const spareInImplementer of range(0x38, 0x80, 8)) all.push({ ...together, spareInImplementer });
    }
  }
  const isKnown = (move) => known.some((block) => Object.entries(move).every(([name, value]) => block[name] === value));
  return [...all.filter(isKnown), ...all.filter((move) => !isKnown(move))];
}

/**
 * @param start the numbers to begin with
 * @param known those of the V8s we know
 * @param tell is told of each step
 */
export function learn({ node, addon, start, known, tell }) {
  /** The addon's answer to each set of numbers; undefined where the set ended the process. */
  function trials(sets) {
    const results = [];
    while (results.length < sets.length) {
      const rest = sets.slice(results.length);
      const options = { input: JSON.stringify(rest), encoding: 'utf8', maxBuffer: 1 << 28, timeout: 60_000 };
      const { stdout, stderr } = spawnSync(node, [child, addon], options);
      const lines = stdout.split('\n').slice(0, -1);
      if (lines.length === 0 && stderr && results.length === 0) throw new Error(stderr);
      for (const line of lines) results.push(JSON.parse(line));
      if (results.length < sets.length) results.push(undefined);
    }
    return results;
  }

  const changesOf = (numbers) =>
    Object.fromEntries(SEARCHED.filter((name) => numbers[name] !== start[name]).map((name) => [name, [start[name], numbers[name]]]));
  let rounds = 0;
  let furthest = { rank: -1 };

  /** Numbers with which the addon finds everything, starting from these; undefined when there are none. */
  function follow(numbers, trial, reached) {
    if (rank(trial) === FOUND) return numbers;
    if (reached > furthest.rank) furthest = { rank: reached, reason: trial?.[1] ?? 'the end of the process', changed: changesOf(numbers) };
    if (++rounds > MOST_ROUNDS) return undefined;
    const all = moves(numbers, known);
    const results = trials(all.map((move) => ({ ...numbers, ...move })));
    const ranks = results.map(rank);
    const best = ranks.reduce((a, b) => Math.max(a, b));
    const places = [...all.keys()];
    const next = [
      ...(best > reached ? places.filter((i) => ranks[i] === best).slice(0, MOST_TIES) : []),
      // Once in a row: after two ends of the process another number is wrong.
      ...(trial ? places.filter((i) => !results[i]).slice(0, MOST_CRASHES) : []),
    ];
    for (const i of next) {
      tell(`${trial ? `"${trial[1]}"` : 'the end of the process'}, and with ${show(all[i])} ${results[i]?.[1] ? `"${results[i][1]}"` : results[i] ? 'all is found' : 'the process ends'}`);
      const found = follow({ ...numbers, ...all[i] }, results[i], Math.max(ranks[i], reached));
      if (found || rounds > MOST_ROUNDS) return found;
    }
    return undefined;
  }

  const [first] = trials([start]);
  let numbers = follow(start, first, rank(first));
  if (!numbers) return { found: false, ...furthest };
  // The addon does not notice a missing list.
  const without = { ...numbers, shutdownList: 0 };
  if (rank(trials([without])[0]) === FOUND) numbers = without;
  const changed = changesOf(numbers);

  // Each number by itself must be the only one near it that the addon accepts.
  const near = SEARCHED.flatMap((name) => (name.endsWith('Word') ? [-1, 1, 2] : name.length > 15 || /Anchors|Scopes/.test(name) ? [-8, 8, 16] : []).map((by) => [name, by]))
    .filter(([name]) => numbers[name] !== ABSENT);
  const believed = trials(near.map(([name, by]) => ({ ...numbers, [name]: Math.max(0, numbers[name] + by) })));
  const loose = new Set(near.filter(([name, by], i) => numbers[name] + by >= 0 && rank(believed[i]) === FOUND).map(([name]) => name));
  return { found: true, numbers, changed, loose: [...loose] };
}
