import { spawn } from 'stackful';
import { connect } from 'stackful/net';

/** The end of a stream is announced anywhere. */
spawn(() => {
  const socket = connect({ port: 80, host: '127.0.0.1' });
  setTimeout(() => { socket.end(); }, 1);
});
