import { execFile } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

import { Channel, coroutines, Mutex, record, select, simulate, SimulationError, sleep, spawn, timeout, yieldNow } from 'stackful';
import { lookup } from 'stackful/dns';
import { open, readFile, stat } from 'stackful/fs';
import { connect, listen } from 'stackful/net';

import { runChild } from '../support/child.js';

const directory = mkdtempSync('/tmp/stackful-record-');
const file = `${directory}/trace`;
const input = `${directory}/input`;
afterAll(() => { rmSync(directory, { recursive: true }); });

async function failure(run: Promise<unknown>): Promise<SimulationError> {
  const error: unknown = await run.then(() => undefined, (e: unknown) => e);
  expect(error).toBeInstanceOf(SimulationError);
  return error as SimulationError;
}

const child = (...args: string[]) => new Promise<string>((resolve) => {
  const path = fileURLToPath(new URL('../children/recorded_server.mjs', import.meta.url));
  execFile(process.execPath, [path, ...args], { timeout: 60_000 }, (_error, stdout, stderr) => { resolve(stdout + stderr); });
});

describe('a recording', () => {
  it('of a server with a race fails in the same way when it is replayed', async () => {
    const limits = `${directory}/limits`;
    writeFileSync(limits, '0\n');
    const recorded = await child('record', file, limits);
    expect(recorded).toMatch(/^ the balance is -\d+ on request \d+\n$/);
    rmSync(limits);
    expect(await child('replay', file, limits)).toBe(recorded);
    expect(await child('replay', file, limits)).toBe(recorded);
  });

  it('of a process that ends behind its last call has the turns behind that, too', async () => {
    for (const mode of ['record', 'replay']) {
      expect(await runChild('recorded_exit.mjs', [mode, file])).toEqual({ exit: 0, stdout: 'lost\n', stderr: '' });
    }
  });

  it('has what came from outside, and the order of turns', async () => {
    writeFileSync(input, 'before');
    const program = () => {
      const log: unknown[] = [];
      const listener = listen({ host: '127.0.0.1', port: 0 });
      log.push(listener.address.port);
      const mutex = new Mutex();
      const servers = [1, 2, 3].map((i) => spawn(() => {
        const socket = listener.accept();
        log.push(socket.remotePort);
        for (let line = socket.readLine(); line !== null; line = socket.readLine()) {
          mutex.withLock(() => { sleep(Math.random()); });
          socket.write(`${String(i)} ${line}\n`);
        }
        socket.close();
      }));
      const clients = ['a', 'b', 'c'].map((name) => spawn(() => {
        const socket = connect({ host: '127.0.0.1', port: listener.address.port });
        for (let n = 0; n < 20; n++) {
          socket.write(`${name}${String(n)}\n`);
          log.push(socket.readLine());
        }
        socket.close();
      }));
      for (const one of [...clients, ...servers]) one.join();
      listener.close();
      log.push(readFile(input, 'utf8'), stat(input).size, Date.now(), Math.random(), lookup('localhost').address);
      const opened = open(input);
      const buffer = Buffer.alloc(4);
      log.push(opened.read(buffer, 0, 4), String(buffer));
      opened.close();
      const channels = [new Channel<number>(1), new Channel<number>(1)];
      for (const one of channels) one.send(1);
      for (let i = 0; i < 5; i++) {
        log.push(select([...channels]).key);
        for (const one of channels) one.trySend(1);
      }
      try {
        timeout(2, () => { sleep(1000); });
      } catch (error) {
        log.push(String(error));
      }
      return log;
    };
    const once = await record({ file }, program);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(input, 'something else');
    expect(await simulate({ replay: file }, program)).toEqual(once);
    expect(coroutines().length).toBe(0);
    // An event takes some tens of bytes.
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(readFileSync(file).length / lines.length).toBeLessThan(100);
  }, 30_000);

  it('tells where a program goes another way', async () => {
    writeFileSync(input, 'text');
    await record({ file }, () => { readFile(input); readFile(input); });
    const other = await failure(simulate({ replay: file }, () => { readFile(input); stat(input); }));
    expect(other.cause).toMatchObject({
      code: 'ERR_REPLAY_DIVERGED', message: expect.stringContaining('coroutine 0: its call number 2 was fsReadFile, and is fsStat here') as string,
    });
    const turns = await failure(simulate({ replay: file }, () => { for (let i = 0; i < 9; i++) yieldNow(); }));
    expect(turns.cause).toMatchObject({ code: 'ERR_REPLAY_DIVERGED', message: expect.stringMatching(/turn \d: the recording ends/) as string });
    expect(turns.message).toContain(`simulate({ replay: '${file}' }, fn)`);
    await record({ file }, () => { sleep(1); });
    const early = await failure(simulate({ replay: file }, () => readFile(input)));
    expect(early.cause).toMatchObject({ code: 'ERR_REPLAY_DIVERGED' });
    await record({ file }, () => { throw new Error('recorded'); }).catch(() => undefined);
    const more = await failure(simulate({ replay: file }, () => readFile(input)));
    expect(more.cause).toMatchObject({ code: 'ERR_REPLAY_DIVERGED', message: expect.stringContaining('waits for what') as string });
    const fine = await failure(simulate({ replay: file }, () => 1));
    expect(fine.cause).toMatchObject({ message: expect.stringContaining('the recorded one failed: Error: recorded') as string });
  });

  it('may end while coroutines wait', async () => {
    const program = () => {
      const listener = listen({ host: '127.0.0.1', port: 0 });
      spawn(() => { try { listener.accept(); } catch { /* closed, when it is recorded */ } }, { name: 'acceptor' });
      yieldNow();
      setImmediate(() => { listener.close(); });
      return 'returned';
    };
    expect(await record({ file }, program)).toBe('returned');
    expect(await simulate({ replay: file }, program)).toBe('returned');
  });

  it('has a bounded size, and a version', async () => {
    await record({ file, maxBytes: 2000 }, () => { for (let i = 0; i < 500; i++) sleep(0); });
    expect(statSync(file).size).toBeLessThan(3000);
    expect(readFileSync(file, 'utf8').trimEnd().endsWith('["x"]')).toBe(true);
    const cut = await failure(simulate({ replay: file }, () => { for (let i = 0; i < 500; i++) sleep(0); }));
    expect(cut.cause).toMatchObject({ code: 'ERR_REPLAY_DIVERGED' });
    writeFileSync(file, '{"stackful":"trace","version":99}\n');
    await expect(simulate({ replay: file }, () => 1)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    writeFileSync(file, 'what is this');
    appendFileSync(file, '\n');
    await expect(simulate({ replay: file }, () => 1)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
  });

  it('leaves everything as it was', async () => {
    const { now } = Date;
    const { random } = Math;
    const done = record({ file }, () => { sleep(1); });
    expect(Date.now).not.toBe(now);
    await expect(record({ file: `${file}2` }, () => 1)).rejects.toMatchObject({ code: 'ERR_RECORDING' });
    await done;
    expect([Date.now, Math.random]).toEqual([now, random]);
    await expect(record({ file: '/no/such/directory/x' }, () => 1)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(record({ files: 1 } as never, () => 1)).rejects.toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
    expect(() => simulate({ replay: file, seed: 3 }, () => 1)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }) as never);
  });
});
