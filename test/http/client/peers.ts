// Servers that say what a test wants them to say, byte for byte.
import { sleep, spawn, type Coroutine } from 'stackful';
import { listen, type Listener, type Socket } from 'stackful/net';

export interface RawServer extends Disposable {
  readonly url: string;
  readonly port: number;
  /** The heads of the requests that came, in order. */
  readonly heads: string[];
  /** How many connections are open at this end. */
  readonly open: number;
  /** How many connections were accepted. */
  accepted: number;
  readonly listener: Listener;
}

/** Calls `answer` for the head of each request of each connection, until that returns false. */
export function rawServer(answer: (socket: Socket, head: string, nth: number) => unknown): RawServer {
  const listener = listen({ host: '127.0.0.1', port: 0 });
  const { port } = listener.address;
  const open = new Set<Socket>();
  const server: RawServer = {
    url: `http://127.0.0.1:${port}`,
    port,
    heads: [],
    accepted: 0,
    get open() { return open.size; },
    listener,
    [Symbol.dispose]() {
      listener.close();
      for (const socket of open) socket.close();
    },
  };
  spawn(() => {
    for (const socket of listener) {
      server.accepted++;
      open.add(socket);
      spawn(() => {
        try {
          for (let head = socket.readUntil('\r\n\r\n'); head?.toString('latin1').endsWith('\r\n\r\n'); head = socket.readUntil('\r\n\r\n')) {
            server.heads.push(head.toString('latin1'));
            if (answer(socket, head.toString('latin1'), server.heads.length) === false) break;
          }
        } catch {
          // The client has closed the connection, as many tests want it to.
        } finally {
          socket.close();
          open.delete(socket);
        }
      });
    }
  }).then(undefined, () => undefined);
  return server;
}

/** Answers every request with the same bytes. */
export function saying(bytes: string, then?: 'close'): RawServer {
  return rawServer((socket) => {
    socket.write(Buffer.from(bytes, 'latin1'));
    return then === undefined;
  });
}

export const ok = (body: string, headers = ''): string => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`;

export function thrown(fn: () => unknown): any {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}

/** Waits for a state, whatever time that takes. Parks. */
export function until(condition: () => boolean): void {
  while (!condition()) sleep(1);
}

/** Waits until a coroutine waits for something of that name. Parks. */
export function parkedIn(coroutine: Coroutine<unknown>, what: string): void {
  until(() => coroutine.state === 'done' || (coroutine.parkedOn ?? '').includes(what));
}
