// A server whose handler reads a file, waits, and asks another server, one thing after the other.
//
//   node examples/pipeline.mjs
import { sleep, spawn, wait } from 'stackful';
import { readFile } from 'stackful/fs';
import { serve } from 'stackful/http';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

const backend = serve(
  (request) => {
    sleep(2); // a slow service
    return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ asked: request.path }) };
  },
  { port: 0, host: '127.0.0.1' },
);

const frontend = serve(
  (request) => {
    const page = readFile(`${here}/site/index.html`, 'utf8');
    const answer = wait(wait(fetch(`http://127.0.0.1:${backend.port}${request.path}`)).json());
    return `the page has ${page.length} characters; the backend was asked for ${answer.asked}\n`;
  },
  { port: 0, host: '127.0.0.1' },
);

const response = await fetch(`http://127.0.0.1:${frontend.port}/hello`);
console.log((await response.text()).trim());

await spawn(() => {
  wait(frontend.close());
  wait(backend.close());
});
