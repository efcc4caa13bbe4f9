import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { dump, sleep, spawn as go, timeout } from 'stackful';
import { ChildPipe, spawn, type Child, type SpawnOptions } from 'stackful/child_process';
import { open } from 'stackful/fs';
import { connect, listen } from 'stackful/net';
import { eventually } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'stackful-child-'));
afterAll(() => { rmSync(folder, { recursive: true }); });

const sh = (command: string, options?: SpawnOptions): Child => spawn('sh', ['-c', command], options);
/** A call in a coroutine, with the child ended behind it. */
const within = <R>(start: () => Child, use: (child: Child) => R): Promise<R> => go(() => {
  using child = start();
  return use(child);
}).promise;

describe('pipes', () => {
  it('are written and read while the child runs', async () => {
    const answers = await within(() => sh('while read x; do echo "got $x"; done; echo end'), (child) => {
      const all: (string | null)[] = [];
      for (const word of ['one', 'two']) {
        child.stdin!.write(`${word}\n`);
        all.push(child.stdout!.readLine());
      }
      child.stdin!.end();
      child.stdin!.end();
      all.push(...child.stdout!.lines());
      return [...all, child.stdout!.read(), child.wait()];
    });
    expect(answers).toEqual(['got one', 'got two', 'end', null, { code: 0, signal: null }]);
  });

  it('give lines of up to 1 MiB, and the last one without a line feed', async () => {
    const lines = await within(() => sh('head -c 900000 /dev/zero | tr "\\0" x; printf "\\r\\nlast"'), ({ stdout }) => [...stdout!.lines()]);
    expect(lines.map(({ length }) => length)).toEqual([900_000, 4]);
    await expect(within(() => sh('echo 12345'), ({ stdout }) => [...stdout!.lines({ limit: 3 })])).rejects.toMatchObject({
      code: 'ERR_READ_LIMIT',
    });
  });

  it('have the end of the stream behind what other coroutines write', async () => {
    const length = await within(() => sh('sleep 0.02; wc -c'), (child) => {
      const writer = go(() => { child.stdin!.write(Buffer.alloc(500_000)); });
      sleep(1);
      child.stdin!.end();
      writer.join();
      return child.stdout!.readLine();
    });
    expect(length).toBe('500000');
  });

  it('of a child that has gone give EPIPE', async () => {
    await within(() => sh('exec true'), (child) => {
      child.wait();
      expect(() => { child.stdin!.write('x'); }).toThrow(expect.objectContaining({ code: 'EPIPE', syscall: 'write' }));
    });
  });

  it('from 3 on go both ways', async () => {
    const answer = await within(() => sh('read x <&3; echo "got $x" >&3', { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] }), (child) => {
      expect([child.stdin, child.stdout, child.stderr]).toEqual([null, null, null]);
      const pipe = child.stdio[3]!;
      expect(pipe).toBeInstanceOf(ChildPipe);
      pipe.write('word\n');
      pipe.end();
      return [...pipe.lines()];
    });
    expect(answer).toEqual(['got word']);
  });
});

describe('stdio', () => {
  it('may be descriptors and files', async () => {
    const file = join(folder, 'out');
    const fd = openSync(file, 'w');
    await go(() => {
      using errors = open(join(folder, 'err'), 'w');
      using child = sh('echo out; echo err >&2', { stdio: ['ignore', fd, errors] });
      expect(child.wait().code).toBe(0);
      errors.write('ours\n');
    });
    closeSync(fd);
    expect(readFileSync(file, 'utf8')).toBe('out\n');
    expect(readFileSync(join(folder, 'err'), 'utf8')).toMatch(/err\n|ours\n/);
  });

  it("may be another child's pipe, which is the child's then: a pipeline", async () => {
    const sorted = await go(() => {
      using seq = spawn('seq', ['3'], { stdio: ['ignore', 'pipe', 'inherit'] });
      const out = seq.stdout!;
      using tac = spawn('tac', { stdio: [out, 'pipe', 'inherit'] });
      expect(out.closed).toBe(true);
      return [[...tac.stdout!.lines()], seq.wait(), tac.wait()];
    });
    expect(sorted).toEqual([['3', '2', '1'], { code: 0, signal: null }, { code: 0, signal: null }]);
  });

  it('may be a connection, as inetd hands it over', async () => {
    const answer = await go(() => {
      using listener = listen({ host: '127.0.0.1', port: 0 });
      const server = go(() => {
        const socket = listener.accept();
        using child = spawn('cat', { stdio: [socket, socket, 'inherit'] });
        expect(socket.closed).toBe(true);
        return child.wait().code;
      });
      using client = connect({ host: '127.0.0.1', port: listener.address.port });
      client.write('hello');
      client.end();
      return [client.read(), server.join()];
    });
    expect(answer).toEqual([Buffer.from('hello'), 0]);
  });

  it('may be a connection of which this process has put writes off, and has left nothing unread', async () => {
    const heard = await go(() => {
      using listener = listen({ host: '127.0.0.1', port: 0 });
      using client = connect({ host: '127.0.0.1', port: listener.address.port });
      const socket = listener.accept();
      client.write('one\ntwo\n');
      client.end();
      socket.readLine();
      socket.write('ours, ');
      expect(socket.buffered).toBe(6);
      const hand = () => spawn('echo', ['theirs'], { stdio: ['ignore', socket, 'inherit'] });
      expect(hand).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE', message: expect.stringContaining('not read') as string }));
      socket.readLine();
      using child = hand();
      expect(child.wait().code).toBe(0);
      expect(socket.closed).toBe(true);
      return String(client.readExactly(13));
    });
    expect(heard).toBe('ours, theirs\n');
  });

  it.each<[string, unknown, string]>([
    ['a word', 'nonsense', 'ERR_INVALID_ARG_VALUE'],
    ['an entry', ['nonsense'], 'ERR_INVALID_ARG_VALUE'],
    ['a number', 1, 'ERR_INVALID_ARG_VALUE'],
    ['IPC', ['pipe', 'pipe', 'pipe', 'ipc'], 'ERR_INVALID_ARG_VALUE'],
    ['a descriptor that is not open', [4711], 'EBADF'],
  ])('that is none is refused: %s', async (_, stdio, code) => {
    await expect(go(() => spawn('true', { stdio: stdio as never }))).rejects.toMatchObject({ code });
  });

  it('that is closed is refused', async () => {
    await go(() => {
      const file = open('/dev/null');
      file.close();
      expect(() => spawn('true', { stdio: [file] })).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'spawn' }));
    });
  });
});

describe('a child', () => {
  it('says what it is', async () => {
    await within(() => sh('exit 3', { argv0: 'other' }), (child) => {
      expect(child.pid).toBeGreaterThan(0);
      expect(child.spawnfile).toBe('sh');
      expect(child.spawnargs).toEqual(['other', '-c', 'exit 3']);
      expect(child.wait()).toEqual({ code: 3, signal: null });
      expect(child.wait()).toEqual({ code: 3, signal: null });
      expect([child.exitCode, child.signalCode, child.killed]).toEqual([3, null, false]);
    });
  });

  it('gets signals, and none once it has ended', async () => {
    await within(() => spawn('sleep', ['1000']), (child) => {
      expect([child.exitCode, child.signalCode]).toEqual([null, null]);
      expect(child.kill(0)).toBe(true);
      expect(child.killed).toBe(false);
      expect(child.kill('SIGINT')).toBe(true);
      expect(child.killed).toBe(true);
      expect(child.wait()).toEqual({ code: null, signal: 'SIGINT' });
      expect(child.kill()).toBe(false);
      expect(child.signalCode).toBe('SIGINT');
      expect(() => child.kill('SIGNO' as never)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_SIGNAL' }));
    });
  });

  it('may be waited for by several coroutines, which a report names', async () => {
    const child = await go(() => spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] }));
    const all = [1, 2, 3].map(() => go(() => child.wait()));
    await eventually(() => all.every(({ parkedOn }) => parkedOn === `child.wait #${String(child.pid)}`));
    expect(dump()).toContain(`child.wait #${String(child.pid)}`);
    all[0]!.cancel();
    await expect(all[0]).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    await go(() => { child.stdin!.end(); });
    expect(await Promise.all([all[1], all[2]])).toEqual([{ code: 0, signal: null }, { code: 0, signal: null }]);
  });

  it('outlives an interrupted wait', async () => {
    await within(() => spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] }), (child) => {
      expect(() => timeout(2, () => child.wait())).toThrow(expect.objectContaining({ code: 'ERR_TIMEOUT' }));
      const reason = new Error('enough');
      expect(() => child.wait({ signal: AbortSignal.abort(reason) })).toThrow(reason);
      expect(child.exitCode).toBe(null);
      child.stdin!.end();
      expect(child.wait().code).toBe(0);
    });
  });

  it('is not ended where its time limit is none', async () => {
    const exit = await within(() => spawn('sleep', ['0.1'], { timeout: Infinity, killGrace: Infinity }), (child) => child.wait());
    expect(exit).toEqual({ code: 0, signal: null });
  });

  it('is in a session of its own when it is detached, otherwise in our group', async () => {
    const group = (options: SpawnOptions) => within(() => sh('cut -d" " -f5 /proc/$$/stat', options), (child) =>
      [Number(child.stdout!.readLine()), child.pid] as const);
    const [own, pid] = await group({ detached: true });
    expect(own).toBe(pid);
    const [ours, other] = await group({});
    expect(ours).not.toBe(other);
  });

  it('cannot be started outside a coroutine', () => {
    expect(() => spawn('true')).toThrow(expect.objectContaining({ code: 'ERR_NOT_IN_COROUTINE' }));
  });
});
