/* global Bun, Deno, Response */
// fetch-http.mjs PORT [DIRECTORY]: for Bun and for Deno, each with its own server: the small answer, or the files of a directory.
const bun = globalThis.Bun !== undefined;
const [port, directory] = bun ? process.argv.slice(2) : Deno.args;

const small = () => new Response('Hello, World!\n', { headers: { 'Content-Type': 'text/plain' } });
const pathOf = (request) => directory + new URL(request.url).pathname;
const file = bun ? (request) => new Response(Bun.file(pathOf(request))) : async (request) => {
  const opened = await Deno.open(pathOf(request));
  const { size } = await opened.stat();
  return new Response(opened.readable, { headers: { 'Content-Length': String(size) } });
};

const at = { port: Number(port), hostname: '127.0.0.1' };
const answer = directory === undefined ? small : file;
if (bun) Bun.serve({ ...at, fetch: answer });
else Deno.serve({ ...at, onListen: () => undefined }, answer);
