import { spawn, type Coroutine } from 'stackful';
import { connect, type Socket } from 'stackful/net';

let connection: Coroutine<Socket> | undefined;
const socket = (): Socket => (connection ??= spawn(() => connect({ port: 5432 }))).join();
for (let i = 0; i < 2; i++) spawn(() => socket().write('hello'));
