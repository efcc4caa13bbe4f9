import { spawn } from '../../coroutine/coroutine.js';
import type { ClientConnection } from '../client/connection.js';
import { pipe } from '../../net/pipe.js';
import { Socket } from '../../net/socket.js';
import type { Carrier } from '../../websocket/carrier.js';
import type { Request } from '../request.js';
import type { PassedAnswer } from './fields.js';

/**
 * The upstream has changed to another protocol: its answer goes to the client, and from then on bytes go both ways, until both sides have
 * ended or one fails. Parks.
 */
export function passBytes(request: Request, connection: ClientConnection, { pairs, upgrade }: PassedAnswer): void {
  const { socket: upstream } = connection;
  if (connection.bytes.length > 0) upstream.surplus.putBack(connection.bytes);
  let client: Carrier | undefined;
  try {
    // Over HTTP/2 there was no key that this would be the answer to.
    const passed = request.asksForTunnel ? pairs.filter(([name]) => name.toLowerCase() !== 'sec-websocket-accept') : pairs;
    const lines = passed.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const also = request.asksForTunnel ? '' : `Connection: Upgrade\r\n${upgrade === undefined ? '' : `Upgrade: ${upgrade}\r\n`}`;
    const successor = { serverCloses: () => undefined, expects: () => false, over: () => undefined };
    const handed = (client = request.openTunnel(successor, also + lines));
    const there = spawn(() => { passOneWay(handed, upstream); }, { name: 'proxy upgrade' });
    passOneWay(upstream, handed);
    // A client of HTTP/2 need not end its side: a WebSocket is over when the server has ended its own.
    if (handed.closesCleanly) handed.close();
    there.join();
  } finally {
    // Both: what one side says is for the other, and that ends its coroutine, too.
    upstream.close();
    client?.close();
  }
}

/** Passes on until the end. A connection that fails takes the other one with it. Parks. */
function passOneWay(from: Carrier, to: Carrier): void {
  try {
    if (from instanceof Socket && to instanceof Socket) {
      pipe(from, to);
      return;
    }
    for (let bytes = from.read(); bytes; bytes = from.read()) to.write(bytes);
    to.end();
  } catch {
    from.close();
    to.close();
  }
}
