/** What a park is for, in a few groups that have a colour each. */
export type KindGroup = 'net' | 'lock' | 'disk' | 'time' | 'other';

const GROUPS: readonly [RegExp, KindGroup][] = [
  [/^(socket|udp|tls|dns)/, 'net'],
  [/^(mutex|semaphore|readWriteLock|condition|event|waitGroup|barrier|channel|select|join|scope|require)/, 'lock'],
  [/^(file|child|worker|offload)/, 'disk'],
  [/^(sleep|yield)/, 'time'],
];

export function groupOf(kind: string): KindGroup {
  return GROUPS.find(([pattern]) => pattern.test(kind))?.[1] ?? 'other';
}

export const LEGEND: readonly [KindGroup, string][] = [
  ['net', 'network'], ['lock', 'other coroutines'], ['disk', 'disk, processes, threads'], ['time', 'time'], ['other', 'promises, other'],
];
