import { spawn } from 'stackful';
import { connect, type Socket } from 'stackful/net';

let connection: Socket | undefined;
const socket = (): Socket => (connection ??= connect({ port: 5432 })); // expect: check-then-act
for (let i = 0; i < 2; i++) spawn(() => socket().write('hello'));
