import { constants } from 'node:os';

import { native } from './native.js';

/** Codes that native calls return besides results and system errors; native/sched/result_code.h describes each. */
export const {
  NOT_IN_COROUTINE,
  CANNOT_PARK,
  LIMIT_TIMED_OUT,
  LIMIT_ABORTED,
  IN_ATOMIC_SECTION,
  DEADLOCKED,
  NOT_CHOOSABLE,
  NOT_RESUMABLE,
  KERNEL_TIMED_OUT,
  SOCKET_BROKEN,
  FLUSH_FAILED,
  MAY_BLOCK,
  TLS_FAILED,
  TLS_CUT_OFF,
  TLS_CHOOSE_CONTEXT,
  BODY_TOO_LARGE,
  BODY_MALFORMED,
  CLIENT_LEFT,
  CONNECTION_BUSY,
  REQUEST_OVER,
  BODY_TIMEOUT,
  TOO_MANY_COROUTINES,
} = native.resultCodes;

/** System errors, as native calls return them. */
const negative = (name: keyof typeof constants.errno) => -constants.errno[name];
export const EBADF = negative('EBADF');
export const ECANCELED = negative('ECANCELED');
export const ECONNRESET = negative('ECONNRESET');
export const EALREADY = negative('EALREADY');
export const EBUSY = negative('EBUSY');
export const EINVAL = negative('EINVAL');
export const ENOENT = negative('ENOENT');
export const ENOTDIR = negative('ENOTDIR');
export const EPIPE = negative('EPIPE');
export const EAGAIN = negative('EAGAIN');
export const EOPNOTSUPP = negative('EOPNOTSUPP');
export const ETIMEDOUT = negative('ETIMEDOUT');
/** The lowest system error; lower codes are the library's. */
const LAST_ERRNO = -4095;

/** Whether a call was ended early or did not begin, so that its negative result says nothing about the file, the peer or the program. */
export function isInterruption(code: number): boolean {
  return code === ECANCELED || code < LAST_ERRNO;
}
