import { spawn, wait } from 'stackful';
import type { Socket } from 'stackful/net';

async function send(socket: Socket): Promise<void> {
  socket.write(await Promise.resolve('text')); // expect: wrong-stack
}
export const start = (socket: Socket) => spawn(() => wait(send(socket)));
