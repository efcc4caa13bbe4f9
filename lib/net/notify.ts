import { invalidValue } from '../internal/arguments.js';
import { socketError } from '../internal/system_errors.js';
import { unixSend } from './native.js';

/**
 * Tells systemd how this service is, as `sd_notify` of C does: `READY=1` when it serves (units of `Type=notify`), `STATUS=` and a line for
 * `systemctl status`, `STOPPING=1`, `WATCHDOG=1`. `stackful serve` and `stackful proxy` do it by themselves. Never parks.
 *
 * @param state assignments, which arrive together
 * @returns whether there is a service manager that listens (`NOTIFY_SOCKET`); without one it does nothing
 * @throws TypeError (`ERR_INVALID_ARG_VALUE`) for what is no assignment in one line; system errors, such as `ENOENT` and `ECONNREFUSED`
 *   when `NOTIFY_SOCKET` is nobody's
 *
 * @example
 * ```ts
 * import { notifySystemd } from 'stackful/net';
 *
 * console.log(notifySystemd('READY=1', 'STATUS=Serving')); // false
 * ```
 */
export function notifySystemd(...state: string[]): boolean {
  for (const [i, one] of state.entries()) {
    if (typeof one !== 'string' || !/^[A-Z_]+=.*$/.test(one)) throw invalidValue(`state[${String(i)}]`, 'an assignment such as READY=1', one);
  }
  const path = process.env.NOTIFY_SOCKET;
  if (path === undefined || path === '') return false;
  const result = unixSend(path.replace(/^@/, '\0'), `${state.join('\n')}\n`);
  if (result < 0) throw socketError(result, 'sendto', { address: path });
  return true;
}
