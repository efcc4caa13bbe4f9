// sync_request.mjs: coroutines ask a server of this thread by sync-request; prints the pages, the status of a failure, and whether others
// ran meanwhile. A process of its own, since sync-rpc's server ends with its process and holds its output.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { sleep, spawn } from 'stackful';
import 'stackful/patch';
import request from 'sync-request';

const server = createServer((asked, response) => {
  response.statusCode = asked.url === '/none' ? 404 : 200;
  setTimeout(() => { response.end(`page ${asked.url}`); }, 5);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${server.address().port}`;

let [ticks, over] = [0, false];
const neighbour = spawn(() => {
  for (; !over; ticks++) sleep(1);
});
const pages = await Promise.all(['/a', '/b', '/c'].map((path) => spawn(() => request('GET', url + path).getBody('utf8')).promise));
const { statusCode } = await spawn(() => request('GET', `${url}/none`).getBody()).promise.catch((error) => error);
over = true;
await neighbour;
console.log(pages.join(), statusCode, ticks > 3);
process.exit();
