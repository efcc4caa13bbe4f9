import { native } from '../internal/native.js';
import { seam } from '../internal/outside.js';
import '../net/native.js';

/** The exports of native/binding/child.cc. Children are numbers, their pipes sockets; errors are negative. */
interface ChildNative {
  /** `[child, pid, socket or -1 for each descriptor]`. */
  childStart: (
    file: string,
    args: string,
    env: string | undefined,
    cwd: string,
    uid: number,
    gid: number,
    group: number,
    stdio: Int32Array,
  ) => number[] | number;
  childWait: (child: number, sockets: Int32Array | undefined, ms: number) => number;
  childStatus: (child: number) => number;
  childKill: (child: number, signal: number, group: boolean) => number;
  childFree: (child: number) => void;
  childFeed: (socket: number, data: Uint8Array, offset: number) => number;
  childCloseEnd: (socket: number) => number;
}

const originals = native as unknown as ChildNative;

export let { childStart, childWait, childStatus, childKill, childFree, childFeed, childCloseEnd } = originals;

seam('child', originals, (calls) => {
  ({ childStart, childWait, childStatus, childKill, childFree, childFeed, childCloseEnd } = calls);
});

/** As native/child/launch.h numbers them. */
export const Group = { ours: 0, session: 1, ownUnlessTerminal: 2 } as const;
/** As native/child/children.h and native/binding/child.cc number them. */
export const Stdio = { ignore: 0, pipe: 1, bothWays: 2, descriptor: 3, socket: 4 } as const;

/** What `childStatus` says of a process that runs, and of one that other code has reaped. */
export const RUNNING = -1;
export const UNKNOWN = -2;
export const SIGNAL_FACTOR = 65_536;
