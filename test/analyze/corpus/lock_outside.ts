import { Mutex, spawn } from 'stackful';
import { connect } from 'stackful/net';

const mutex = new Mutex();
spawn(() => mutex.withLock(() => { // expect: lock-outside
  using socket = connect({ port: 80 });
  socket.write('GET / HTTP/1.0\r\n\r\n');
}));
