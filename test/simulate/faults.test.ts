import { describe, expect, it } from 'vitest';

import { simulate, SimulationError, sleep, spawn, timeout, TimeoutError, type FaultOptions } from 'stackful';
import { lookup } from 'stackful/dns';
import { open, readFile, writeFile } from 'stackful/fs';
import { connect, listen, type Socket } from 'stackful/net';

async function failure(run: Promise<unknown>): Promise<SimulationError> {
  const error: unknown = await run.then(() => undefined, (e: unknown) => e);
  expect(error).toBeInstanceOf(SimulationError);
  return error as SimulationError;
}

/** Echoes lines until the client ends; returns its port. */
function echo(): number {
  const listener = listen({ host: '127.0.0.1', port: 0 });
  spawn(() => {
    using socket = listener.accept();
    listener.close();
    for (let line = socket.readLine(); line !== null; line = socket.readLine()) socket.write(`${line}\n`);
  }, { name: 'echo' });
  return listener.address.port;
}

/** Sends five lines and returns what came back. */
function talk(port: number): string[] {
  using socket = connect({ host: '127.0.0.1', port });
  const back: string[] = [];
  for (const line of ['one', 'two', 'three', 'four', 'five']) {
    socket.write(`${line}\n`);
    back.push(String(socket.readLine()));
  }
  return back;
}

const code = (fn: () => unknown): string => {
  try {
    fn();
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
  return 'none';
};

describe('sockets in a simulation', () => {
  it('are connected in memory', async () => {
    expect(await simulate({ seeds: 50 }, () => talk(echo()))).toEqual(['one', 'two', 'three', 'four', 'five']);
    await simulate({ explore: { bound: 2 } }, () => { expect(talk(echo())).toHaveLength(5); });
  });

  it('behave as those of the system', async () => {
    await simulate({ seeds: 20 }, () => {
      expect(code(() => connect({ host: '127.0.0.1', port: 9 }))).toBe('ECONNREFUSED');
      const listener = listen({ host: '127.0.0.1', port: 80 });
      expect(code(() => listen({ host: '127.0.0.1', port: 80 }))).toBe('EADDRINUSE');
      const socket = connect({ host: 'localhost', port: 80 });
      const peer = listener.accept();
      expect([socket.remoteAddress, socket.remotePort, peer.localPort]).toEqual(['127.0.0.1', 80, 80]);
      expect(peer.remotePort).toBe(socket.localPort);
      // More than is kept for one end waits for the other one.
      const big = Buffer.alloc(1_000_000, 'x');
      const writer = spawn(() => { for (let i = 0; i < 3; i++) socket.write(big); socket.end(); });
      sleep(1);
      expect(writer.state).toBe('parked');
      let length = 0;
      for (const chunk of peer) length += chunk.length;
      expect(length).toBe(3_000_000);
      expect(code(() => { socket.write('more'); })).toBe('EPIPE');
      peer.write('unread');
      socket.close();
      sleep(1);
      expect(code(() => peer.read())).toBe('ECONNRESET');
      peer.close();
      const parked = spawn(() => code(() => listener.accept()));
      sleep(1);
      listener.close();
      expect(parked.join()).toBe('ERR_SOCKET_CLOSED');
    });
  });

  it('may be interrupted, and their paths may be of the file system', async () => {
    await simulate({ seeds: 10 }, () => {
      const listener = listen({ path: '/no/such/place.sock' });
      const socket = connect({ path: '/no/such/place.sock' });
      const peer: Socket = listener.accept();
      expect(() => timeout(1000, () => socket.read())).toThrow(TimeoutError);
      peer.write('late');
      expect(String(socket.read())).toBe('late');
      peer.close();
      expect(socket.read()).toBe(null);
      socket.close();
      listener.close();
    });
  });
});

describe('files in a simulation', () => {
  it('are those of the system, and take no time', async () => {
    const path = `${process.env.TMPDIR ?? '/tmp'}/stackful-simulated-${String(process.pid)}`;
    await simulate({ seeds: 5 }, (simulated) => {
      writeFile(path, 'x'.repeat(100_000));
      expect(readFile(path, 'utf8')).toHaveLength(100_000);
      expect(simulated.now()).toBe(0);
    });
    const kinds = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      await simulate({ seed, faults: { disk: 0.3, shortage: 0.3, shortRead: 0.5 } }, ({ faults }) => {
        const before = faults.length;
        const failed = code(() => { writeFile(path, 'y'); readFile(path); });
        if (failed !== 'none') kinds.add(failed);
        expect(faults.length - before).toBe(failed === 'none' ? 0 : 1);
        const opened = code(() => {
          const file = open(path);
          try { file.sync(); } finally { file.close(); }
        });
        if (opened !== 'none') kinds.add(`open: ${opened}`);
      });
    }
    expect([...kinds].sort()).toEqual(['EIO', 'ENOSPC', 'open: EIO', 'open: EMFILE']);
  });
});

describe('faults', () => {
  const outcomes = async (faults: FaultOptions, runs: number) => {
    const seen = new Map<string, number>();
    const listed: string[] = [];
    for (let seed = 0; seed < runs; seed++) {
      await simulate({ seed, faults }, (simulated): void => {
        const port = echo();
        let outcome;
        try {
          outcome = talk(port).join(' ');
        } catch (error) {
          outcome = (error as NodeJS.ErrnoException).code!;
        }
        listed.push(...simulated.faults);
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      }).catch((error: unknown) => { if (((error as Error).cause as { code?: string }).code === undefined) throw error; });
    }
    return { seen, listed };
  };

  it('reset connections, refuse them, and deliver late and in pieces', async () => {
    const resets = await outcomes({ reset: 0.1 }, 60);
    expect(resets.seen.has('ECONNRESET')).toBe(true);
    expect(resets.seen.has('one two three four five')).toBe(true);
    expect(resets.listed.every((one) => one.includes('the connection is reset'))).toBe(true);
    const refused = await outcomes({ connect: 0.8 }, 40);
    for (const one of ['ECONNREFUSED', 'ETIMEDOUT', 'EHOSTUNREACH']) expect(refused.seen.has(one)).toBe(true);
    // These must not be seen by a program that is right.
    const late = await outcomes({ delay: 0.5, maxDelay: 1000, shortRead: 0.7 }, 40);
    expect([...late.seen]).toEqual([['one two three four five', 40]]);
    expect(late.listed.some((one) => /arrives \d+ ms late/.test(one)) && late.listed.some((one) => /\d of \d bytes/.test(one))).toBe(true);
  });

  it('of names and of descriptors', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 30; seed++) {
      await simulate({ seed, faults: { names: 0.5, shortage: 0.5 } }, () => {
        seen.add(code(() => lookup('localhost')));
        seen.add(code(() => lookup('example.org')));
        const listener = listen({ host: '127.0.0.1', port: 0 });
        const socket = connect({ host: '127.0.0.1', port: listener.address.port });
        let peer: Socket | undefined;
        while (!peer) seen.add(code(() => { peer = listener.accept(); }));
        peer.close();
        socket.close();
        listener.close();
      });
    }
    expect([...seen].sort()).toEqual(['EAI_AGAIN', 'EMFILE', 'ENOTFOUND', 'none']);
  });

  it('follow the seed: the one that fails fails again, and the error lists them', async () => {
    // Takes what one read gives for a whole line.
    const careless = () => {
      const port = echo();
      using socket = connect({ host: '127.0.0.1', port });
      socket.write('a line\n');
      const answer = String(socket.read());
      if (answer !== 'a line\n') throw new Error(`got ${JSON.stringify(answer)}`);
    };
    await simulate({ seeds: 100 }, careless);
    const error = await failure(simulate({ seed: 0, seeds: 100, faults: { shortRead: 0.2 } }, careless));
    expect(error.faults.length).toBeGreaterThan(0);
    expect(error.message).toContain(`faults injected (${String(error.faults.length)}):\n  0 ms: socket.read: `);
    const again = await failure(simulate({ seed: error.seed, schedule: error.schedule!, faults: { shortRead: 0.2 } }, careless));
    expect(again.message).toBe(error.message);
  });

  it('are checked', () => {
    expect(() => simulate({ faults: { reset: 2 } }, () => 1)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }) as never);
    expect(() => simulate({ faults: { resets: 1 } as never }, () => 1)).toThrow(expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }) as never);
  });
});
