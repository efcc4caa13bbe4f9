import { atomic, Channel, spawn } from 'stackful';

const channel = new Channel<number>(1);
spawn(() => atomic(() => channel.trySend(1)));
