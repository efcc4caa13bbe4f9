import { Mutex, spawn, timeout } from 'stackful';
import { connect } from 'stackful/net';

const mutex = new Mutex();
spawn(() => mutex.withLock(() => timeout(1000, () => {
  using socket = connect({ port: 80 });
  socket.write('GET / HTTP/1.0\r\n\r\n');
})));
