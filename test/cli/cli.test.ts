import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { built, cli, served } from './program.js';

describe.skipIf(!built)('stackful serve (needs dist/)', () => {
  it('prints its address, serves, and ends at Ctrl-C', async () => {
    const { child, url, ended } = await served();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('<title>stackful');
    expect((await fetch(`${url}/none`)).status).toBe(404);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0, signal: null });
  });

  it('lets a response under way finish at SIGTERM', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stackful-'));
    try {
      const size = 40_000_000;
      writeFileSync(join(directory, 'large'), Buffer.alloc(size));
      const { child, shows, ended } = cli(['serve', directory, '--port', '0']);
      const [, port] = await shows(/on http:\/\/127\.0\.0\.1:(\d+)/);
      const socket = connect(Number(port), '127.0.0.1');
      socket.write('GET /large HTTP/1.1\r\nHost: test\r\n\r\n');
      await once(socket, 'readable');
      child.kill('SIGTERM');
      await shows(/Ending; 1 connections are open/);
      let received = 0;
      socket.on('data', (chunk: Buffer) => (received += chunk.length)).resume();
      await once(socket, 'close');
      expect(received).toBeGreaterThan(size);
      expect(await ended).toMatchObject({ code: 0 });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('ends at once at the second signal', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stackful-'));
    try {
      writeFileSync(join(directory, 'large'), Buffer.alloc(40_000_000));
      const { child, shows, ended } = cli(['serve', directory, '--port', '0']);
      const [, port] = await shows(/on http:\/\/127\.0\.0\.1:(\d+)/);
      const socket = connect(Number(port), '127.0.0.1').on('error', () => undefined);
      socket.write('GET /large HTTP/1.1\r\nHost: test\r\n\r\n');
      await once(socket, 'readable');
      child.kill('SIGINT');
      await shows(/Ending/);
      child.kill('SIGINT');
      expect(await ended).toMatchObject({ code: 130 });
      socket.destroy();
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('says what is wrong, with exit code 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);
    const fails = async (pattern: RegExp, ...args: string[]) => {
      const { code, output } = await cli(['serve', ...args]).ended;
      expect(code).toBe(1);
      expect(output).toMatch(pattern);
      expect(output).not.toMatch(/ at .*\.js:\d/);
    };
    await fails(/already \(EADDRINUSE\)/, 'examples/site', '--port', port);
    await fails(/no directory nowhere \(ENOENT\)/, 'nowhere');
    await fails(/not a directory/, 'package.json');
    await fails(/not an address of this machine/, 'examples/site', '--host', '192.0.2.1');
    await fails(/not an address of this machine/, 'examples/site', '--host', 'no.such.name');
    taken.close();
  });

  it('refuses wrong arguments with exit code 2', async () => {
    const refuses = async (pattern: RegExp, ...args: string[]) => {
      const { code, output } = await cli(args).ended;
      expect(code).toBe(2);
      expect(output).toMatch(pattern);
    };
    await refuses(/which directory/, 'serve');
    await refuses(/--port 65536: it must be a whole number from 0 to 65535/, 'serve', '.', '--port', '65536');
    await refuses(/--port http: it must be a whole number/, 'serve', '.', '--port', 'http');
    await refuses(/--policy fair: it must be accept or connections/, 'serve', '.', '--policy', 'fair');
    await refuses(/--workers many: it must be a whole number/, 'serve', '.', '--workers', 'many');
    await refuses(/--workers 0: it must be a whole number from 1 to 1024/, 'serve', '.', '--workers', '0');
    await refuses(/--shed 0: it must be a whole number from 1/, 'serve', '.', '--shed', '0');
    await refuses(/there is no place for other/, 'serve', '.', 'other');
    await refuses(/--nonsense/, 'serve', '.', '--nonsense');
    await refuses(/no command "sevre"/, 'sevre');
    await refuses(/which directory/, 'analyze');
    await refuses(/command is missing/);
  });
});

describe.skipIf(!built)('stackful (needs dist/)', () => {
  it('helps, and knows its version', async () => {
    expect(await cli(['--help']).ended).toMatchObject({ code: 0, output: expect.stringContaining('serve DIR') as string });
    expect(await cli(['serve', '--help']).ended).toMatchObject({ code: 0, output: expect.stringContaining('serve DIR') as string });
    expect((await cli(['--version']).ended).output).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('doctor passes here', async () => {
    const { code, output } = await cli(['doctor']).ended;
    expect(output).toMatch(new RegExp(`Node +${process.versions.node.replaceAll('.', '\\.')} `));
    expect(output).toMatch(/stack guards/);
    expect(output).toMatch(/full collections +ask for parked stacks ahead/);
    expect(output).toMatch(/Self-test passed/);
    expect(code).toBe(0);
  });

  it('doctor prints the reason where the library does not load, with exit code 1', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'stackful-'));
    try {
      const hook = join(directory, 'hook.cjs');
      writeFileSync(hook, 'process.dlopen = () => { throw new Error("cannot open on purpose"); };');
      for (const command of [['doctor'], ['serve', 'examples/site', '--port', '0']]) {
        const { code, output } = await cli(command, { nodeArgs: ['--require', hook] }).ended;
        expect(code).toBe(1);
        expect(output).toMatch(/stackful's addon does not load \(cannot open on purpose\): run "node .*install\.mjs"$/m);
        expect(output).not.toMatch(/ at .*\.js:\d/);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
