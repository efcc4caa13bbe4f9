/** The declarations, as a user's project compiles against them, with all that is checked switched on. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { installPackage, root, type Project } from '../support/installed.js';

const PROGRAM = `
import { spawn, sleep, wait, timeout, select, Channel, Coroutine, Event, Mutex } from 'stackful';
import { connect, readable, Socket } from 'stackful/net';
import { lookup, resolve, type LookupAddress } from 'stackful/dns';
import { exec, execFile, spawn as start, type Child } from 'stackful/child_process';
import { secureContext, type TlsSocket } from 'stackful/tls';
import { coroutine, inCoroutine } from 'stackful/embed';
import { Reader, toReadable, toWeb } from 'stackful/stream';
import { readFile, open, stat } from 'stackful/fs';
import { serve, staticFiles, type Handler } from 'stackful/http';
import { inspect } from 'stackful/inspect';
import Fiber from 'stackful/fibers';
import Future from 'stackful/future';
import deasync from 'stackful/deasync';
const handler: Handler = (request) => request.path;
export const c: Coroutine<string> = spawn(() => {
  using lock = new Mutex().lock();
  sleep(1);
  const socket: Socket = connect({ port: 1 });
  const text: string = readFile('x', 'utf8') + String(socket.read()) + wait(Promise.resolve('y'));
  open('x').close();
  toReadable(open('x')).pipe(process.stdout);
  const lines: string[] = [...new Reader(socket).lines(), ...new Reader(process.stdin).lines(), ...new Reader(new Response(toWeb(socket)).body!).lines()];
  lines.push(String(stat('x', { bigint: true }).size + BigInt(stat('x').size)));
  const [found]: LookupAddress[] = lookup('x', { all: true });
  const exchanges: string[] = resolve('x', 'MX').map(({ exchange }) => exchange + String(found?.family) + lookup('x').address);
  exchanges.concat(resolve('x')).push(...resolve('x', 'TXT').flat());
  using child: Child = start('cat', { stdio: ['pipe', 'pipe', socket] });
  const said: string[] = [...child.stdout!.lines()];
  const bytes: Buffer = execFile('x', ['y'], { encoding: 'buffer' }).stdout;
  said.push(exec('x').stdout, execFile('x', ['y'], { encoding: 'latin1' }).stderr, String(child.wait().code), bytes.toString());
  const secured: TlsSocket = connect({ port: 1, tls: { secureContext: secureContext() } });
  return timeout(1, () => text + String(secured.servername || secured.peerCertificate()?.subject.CN));
});
export const promise: Promise<string> = c.promise;
serve(handler, { port: 0 });
export const listener: (request: { url: string }, response: { end(): void }) => Promise<number> = coroutine((request, response) => (response.end(), request.url.length));
export const body: () => Promise<void> = inCoroutine(() => { sleep(1); });
serve(staticFiles('.'), { tls: { cert: 'x', key: 'y' } });
inspect({ port: 0 });
const chosen = select({ text: new Channel<string>(), promise: Promise.resolve(1), set: new Event(), data: readable(connect({ port: 1 })) });
export const result: string | number | undefined = chosen.value;
const fiber: Fiber = Fiber((x: number) => Fiber.yield<number, string>(String(x)) + (Fiber.current?.started ? 1 : 0));
export const given: string = fiber.run<number, string>(1);
export const future: Future<number> = Future.task(() => Number(given));
export const later: Future<string> = Future.wrap<string>((done: () => void) => { done(); })().resolve(() => fiber.reset());
export const waited: number = deasync<number>((n: number, done: (e: null, v: number) => void) => { done(null, n); })(1);
deasync.sleep(future.wait());
// What is internal is not there.
// @ts-expect-error the library makes them
new Coroutine();
// @ts-expect-error the library makes them
new Socket();
// @ts-expect-error a number of the scheduler
c.slot;
// @ts-expect-error no case
select([{}]);
// @ts-expect-error it is a string
export const n: Coroutine<number> = c;
`;

/** As programs import the packages that these stand for, with @types/fibers. */
const COMMONJS = `
import Fiber = require('stackful/fibers');
import Future = require('stackful/future');
import deasync = require('stackful/deasync');
const fiber: Fiber = Fiber(function (x: number) {
  const future = new Future<string>();
  setTimeout(() => future.return('x'), x);
  return future.wait();
});
fiber.throwInto(new Error(String(Fiber.current === fiber)));
export const functions = [function () { return 1; }.future(), Future.task(() => deasync.loopWhile(() => false)).detach()];
Future.wait(new Future(), [Future.fromPromise(Promise.resolve(1))]);
`;

let project: Project;
beforeAll(() => {
  project = installPackage();
  writeFileSync(join(project.directory, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project.directory, 'program.ts'), PROGRAM);
  writeFileSync(join(project.directory, 'commonjs.cts'), COMMONJS);
});
afterAll(() => { project.remove(); });

/** The compiler's messages, with only the settings that its users need. */
function compile(compiler: string, resolution: string): string {
  const file = join(project.directory, 'tsconfig.json');
  const module = resolution === 'bundler' ? 'esnext' : resolution;
  const lib = ['es2023', 'esnext.disposable'];
  const compilerOptions = { strict: true, target: 'es2022', lib, module, moduleResolution: resolution, types: [], noEmit: true, skipLibCheck: false };
  writeFileSync(file, JSON.stringify({ compilerOptions, files: ['program.ts', ...(resolution === 'bundler' ? [] : ['commonjs.cts'])] }));
  const { stdout, stderr } = spawnSync(process.execPath, [join(root, 'node_modules', compiler, 'bin/tsc'), '-p', file], { encoding: 'utf8' });
  return stdout + stderr;
}

// The compilers take 15 s, and their messages do not depend on the Node.
describe.skipIf(process.env.PREBUILDS_ONLY !== undefined)('the types (not in the matrix)', () => {
  for (const compiler of ['typescript', 'typescript-latest']) {
    const { version } = JSON.parse(readFileSync(join(root, 'node_modules', compiler, 'package.json'), 'utf8')) as { version: string };
    for (const resolution of ['node16', 'nodenext', 'bundler']) {
      it(`compile with TypeScript ${version}, moduleResolution ${resolution}`, () => {
        expect(compile(compiler, resolution)).toBe('');
      });
    }
  }

  it('lead to the sources', () => {
    const map = join(project.installed, 'dist/coroutine/coroutine.d.ts.map');
    const { sources } = JSON.parse(readFileSync(map, 'utf8')) as { sources: string[] };
    expect(sources).toHaveLength(1);
    expect(existsSync(join(dirname(map), sources[0]!))).toBe(true);
  });

  it('are one clear error without those of Node', () => {
    rmSync(join(project.directory, 'node_modules/@types'), { recursive: true });
    expect(compile('typescript', 'nodenext')).toContain("Cannot find type definition file for 'node'");
  });
});
