// Asks a server in another process over HTTP/2, waits for a slow answer, and ends with the connection idle: nothing keeps the process.
import { spawn } from 'stackful';
import { Client } from 'stackful/http/client';

const client = new Client({ origin: process.argv[2], http2: 'prior-knowledge', idleTimeout: 60_000 });
// Not awaited: the request itself keeps the process alive.
spawn(() => { console.log(client.request('/').text(), client.stats.idle); });
