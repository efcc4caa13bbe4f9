import { STATUS_CODES } from 'node:http';

import { spawn } from '../../coroutine/coroutine.js';
import type { ClientConnection } from '../client/connection.js';
import { pipe } from '../../net/pipe.js';
import type { Socket } from '../../net/socket.js';
import type { Request } from '../request.js';
import type { PassedAnswer } from './fields.js';

const SWITCHING_PROTOCOLS = 101;

/**
 * The upstream has changed to another protocol: its answer goes to the client, and from then on bytes go both ways, until both sides have
 * ended or one fails. Parks.
 */
export function passBytes(request: Request, connection: ClientConnection, { lines, upgrade }: PassedAnswer): void {
  const { socket: upstream } = connection;
  if (connection.bytes.length > 0) upstream.surplus.putBack(connection.bytes);
  let client: Socket | undefined;
  try {
    const handed = (client = request.handOver({ serverCloses: () => undefined, expects: () => false, over: () => undefined }));
    const also = upgrade === undefined ? '' : `Upgrade: ${upgrade}\r\n`;
    handed.write(`HTTP/1.1 101 ${STATUS_CODES[SWITCHING_PROTOCOLS]!}\r\nConnection: Upgrade\r\n${also}${lines}\r\n`);
    const there = spawn(() => { passOneWay(handed, upstream); }, { name: 'proxy upgrade' });
    passOneWay(upstream, handed);
    there.join();
  } finally {
    // Both: what one side says is for the other, and that ends its coroutine, too.
    upstream.close();
    client?.close();
  }
}

/** Passes on until the end. A connection that fails takes the other one with it. Parks. */
function passOneWay(from: Socket, to: Socket): void {
  try {
    pipe(from, to);
  } catch {
    from.close();
    to.close();
  }
}
