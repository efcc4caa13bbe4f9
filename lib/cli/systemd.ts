/** What `stackful serve` and `stackful proxy` do as services of systemd: they take its socket, and tell it how they are. */
import { CliError } from './errors.js';

/** The listening descriptor that systemd has passed; undefined without socket activation. */
export async function inheritedSocket(): Promise<number | undefined> {
  if (process.env.LISTEN_FDS === undefined) return undefined;
  const { inheritedDescriptors } = await import('../net/inherited.js');
  const [first, ...others] = inheritedDescriptors();
  if (others.length > 0) {
    const names = [first!, ...others].map(({ name }) => name).join(', ');
    throw new CliError(`systemd passes ${String(others.length + 1)} sockets (${names}), and there is a place for one`);
  }
  return first?.fd;
}

/** How often in the time that the watchdog allows it hears from this program. */
const BEATS = 2;

/** The service manager; without one its methods do nothing. */
export class ServiceManager {
  private constructor(private readonly send: ((...state: string[]) => unknown) | undefined) {}

  static async here(): Promise<ServiceManager> {
    if (!process.env.NOTIFY_SOCKET) return new ServiceManager(undefined);
    const { notifySystemd } = await import('../net/notify.js');
    return new ServiceManager(notifySystemd);
  }

  /** It serves. Starts the beats of the watchdog, if the unit has one. */
  started(status: string): void {
    this.ready(status);
    const { WATCHDOG_USEC, WATCHDOG_PID = String(process.pid) } = process.env;
    const micros = Number(WATCHDOG_USEC);
    if (!this.send || !(micros > 0) || Number(WATCHDOG_PID) !== process.pid) return;
    setInterval(() => { this.tell('WATCHDOG=1'); }, micros / 1000 / BEATS).unref();
  }

  /** It serves, after {@link reloading}. */
  ready(status: string): void {
    this.tell('READY=1', `STATUS=${oneLine(status)}`);
  }

  reloading(): void {
    // systemd wants the time of the message, by the clock that Node's hrtime reads, to tell one reload from the next.
    this.tell('RELOADING=1', `MONOTONIC_USEC=${String(process.hrtime.bigint() / 1000n)}`, 'STATUS=Reloading');
  }

  stopping(connections: number): void {
    this.tell('STOPPING=1', `STATUS=Ending; ${String(connections)} connections are open`);
  }

  /** At SIGHUP; without a service manager the signal means what it did. */
  onReload(status: string): void {
    if (!this.send) return;
    process.on('SIGHUP', () => {
      this.reloading();
      this.ready(status);
    });
  }

  /** That nobody hears it is no reason not to serve. */
  private tell(...state: string[]): void {
    try {
      this.send?.(...state);
    } catch (error) {
      console.error(`stackful: systemd cannot be told ${state[0]!}: ${(error as Error).message}`);
    }
  }
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, '; ');
