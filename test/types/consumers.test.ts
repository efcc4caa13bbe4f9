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
import { Reader, toReadable, toWeb } from 'stackful/stream';
import { readFile, open, stat } from 'stackful/fs';
import { serve, staticFiles, type Handler } from 'stackful/http';
import { inspect } from 'stackful/inspect';
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
serve(staticFiles('.'), { tls: { cert: 'x', key: 'y' } });
inspect({ port: 0 });
const chosen = select({ text: new Channel<string>(), promise: Promise.resolve(1), set: new Event(), data: readable(connect({ port: 1 })) });
export const result: string | number | undefined = chosen.value;
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

let project: Project;
beforeAll(() => {
  project = installPackage();
  writeFileSync(join(project.directory, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(project.directory, 'program.ts'), PROGRAM);
});
afterAll(() => { project.remove(); });

/** The compiler's messages, with only the settings that its users need. */
function compile(compiler: string, resolution: string): string {
  const file = join(project.directory, 'tsconfig.json');
  const module = resolution === 'bundler' ? 'esnext' : resolution;
  const lib = ['es2023', 'esnext.disposable'];
  const compilerOptions = { strict: true, target: 'es2022', lib, module, moduleResolution: resolution, types: [], noEmit: true, skipLibCheck: false };
  writeFileSync(file, JSON.stringify({ compilerOptions, files: ['program.ts'] }));
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
