import { Mutex, spawn } from 'stackful';
import { connect, type Socket } from 'stackful/net';

let connection: Socket | undefined;
const mutex = new Mutex();
const socket = (): Socket => mutex.withLock(() => (connection ??= connect({ port: 5432 }))); // expect: lock-outside
for (let i = 0; i < 2; i++) spawn(() => socket().write('hello'));
