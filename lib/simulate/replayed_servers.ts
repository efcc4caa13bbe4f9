import type { Coroutine } from '../coroutine/coroutine.js';
import { arrivals } from '../internal/arrivals.js';
import { current } from '../internal/current.js';
import type { Calls } from '../internal/outside.js';
import { CLIENT_LEFT, EAGAIN, EBADF } from '../internal/results.js';
import { NotRecordedError } from './errors.js';
import type { Members } from './members.js';
import type { ReplayedRequests } from './requests.js';
import { acceptorOf, type RecordedTurn } from './trace.js';

/** Where what comes to servers is taken from: the replay. */
interface Source {
  takeArrival(server: number, kind: 'arrival' | 'departure'): RecordedTurn | undefined;
  /** Whether that is what comes next. */
  comes(server: number, kind: 'arrival' | 'departure'): boolean;
  waitForArrival(server: number): number;
}

/** Numbers of servers in a replay begin here, so that none is a real one's. */
const FIRST_SERVER = 2 ** 29;
/** Calls on files, which are made: a program may read its settings before it serves. */
const OF_FILES = /^fs[A-Z]/;

/**
 * The servers of a program whose recording began while it ran. It makes them anew, in the same order, and they get the recorded connections
 * and requests. What it does besides is not in the recording: it may read files, and nothing else from outside.
 */
export class ReplayedServers {
  private count = 0;
  private readonly closed = new Set<number>();
  /** Who accepts the connections of a server. */
  private readonly acceptors = new Map<number, Coroutine>();

  constructor(private readonly source: Source, members: Members, private readonly requests: ReplayedRequests) {
    arrivals.connection = (_server, _connection, coroutine) => { members.admit(coroutine); };
  }

  leave(): void {
    arrivals.connection = undefined;
  }

  /** The coroutine whose turn a recorded arrival is; undefined: it is no arrival, or nobody accepts yet. */
  acceptorOf(number: number): Coroutine | undefined {
    return number <= acceptorOf(0) ? this.acceptors.get(number) : undefined;
  }

  /** A call of what is no part of the recording. */
  beside(name: string, args: readonly unknown[], call: Calls[string]): unknown {
    if (OF_FILES.test(name)) return call(...args);
    const server = (args[0] as number) - FIRST_SERVER;
    switch (name) {
      case 'httpListen': return FIRST_SERVER + this.count++;
      case 'httpAddress': return ['127.0.0.1', 1 + server, false];
      case 'httpAccept': return this.accept(server, args[1] as boolean);
      case 'httpPause': return void this.source.waitForArrival(server);
      case 'httpDeparture': return this.source.takeArrival(server, 'departure')?.departure ?? -1;
      case 'httpClose': return void this.closed.add(server);
      case 'httpStats': case 'httpUnref': case 'httpForget': case 'httpDone': return undefined;
      case 'httpPolls': case 'httpNow': return 0;
      default: throw new NotRecordedError(`${name} besides requests`);
    }
  }

  private accept(server: number, wait: boolean): number {
    this.acceptors.set(acceptorOf(server), current()!);
    for (;;) {
      const turn = this.source.takeArrival(server, 'arrival');
      if (turn) {
        const { connection, remote } = turn.arrival!;
        this.requests.connected(connection, remote);
        return connection;
      }
      // The acceptor asks for it then.
      if (this.source.comes(server, 'departure')) return CLIENT_LEFT;
      if (!wait) return EAGAIN;
      if (this.closed.has(server)) return EBADF;
      const code = this.source.waitForArrival(server);
      if (code < 0) return code;
    }
  }
}
