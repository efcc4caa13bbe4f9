import { listen } from 'stackful/net';

const listener = listen({ port: 0, host: '127.0.0.1' });
console.log(listener.address);
listener.close();
