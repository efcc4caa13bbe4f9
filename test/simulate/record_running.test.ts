import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { afterAll, describe, expect, it } from 'vitest';

import { simulate, sleep, spawn } from 'stackful';
import { readFile } from 'stackful/fs';
import { serve } from 'stackful/http';
import { connect } from 'stackful/net';

import { recordServers } from '../../lib/simulate/record.js';
import { ask } from '../support/ask.js';

const directory = mkdtempSync('/tmp/stackful-record-');
const file = `${directory}/trace`;
afterAll(() => { rmSync(directory, { recursive: true }); });

describe('a recording that begins while servers run', () => {
  it('has the connections from then on, whose handlers do the same again in the servers of a replay', async () => {
    const log: unknown[] = [];
    const settings = `${directory}/settings`;
    writeFileSync(settings, '24');
    const program = () => {
      let balance = 100;
      const audited = Number(readFile(settings, 'utf8'));
      const other = serve((asked) => { log.push(asked.text()); return 'other'; }, { host: '127.0.0.1' });
      const server = serve((asked) => {
        const amount = Number(asked.query.get('amount'));
        if (balance < amount) return 'refused';
        const pause = 20 * Math.random();
        sleep(pause);
        if (amount > audited) spawn(() => { log.push(readFile(settings, 'utf8')); }).join();
        balance -= amount;
        log.push([asked.remoteAddress, asked.target, pause, balance]);
        if (balance < 0) throw new Error(`overdrawn: ${balance}`);
        return 'paid';
      }, { host: '127.0.0.1', onError: (error) => { log.push(String(error)); } });
      return [server, other] as const;
    };
    const [server, other] = await spawn(program);
    expect(await ask(server.port, '/pay?amount=1')).toBe('200 paid');
    log.length = 0;
    const stop = recordServers(file, [other, server]);
    expect(() => recordServers(file, [])).toThrow(expect.objectContaining({ code: 'ERR_RECORDING' }) as never);
    const answers = Promise.all(Array.from({ length: 8 }, (_, i) => ask(server.port, `/pay?amount=${20 + i}`)));
    await ask(other.port, '/', { method: 'POST', body: 'to the other one' });
    // One that leaves while it is waited for.
    await ask(server.port, '/pay?amount=0', { headers: { 'X-Leaves': '1' } });
    const leaving = request({ host: '127.0.0.1', port: server.port, path: '/pay?amount=-3', agent: false }).on('error', () => undefined);
    leaving.end();
    await new Promise((resolve) => setTimeout(resolve, 3));
    leaving.destroy();
    await answers;
    await new Promise((resolve) => setTimeout(resolve, 50));
    stop();
    await Promise.all([server.close({ deadline: 100 }), other.close({ deadline: 100 })]);
    const once = log.splice(0);
    expect(once).toContain('to the other one');
    expect(once.some((line) => /^Error: overdrawn: -\d+$/.test(String(line)))).toBe(true);
    for (let i = 0; i < 2; i++) {
      await simulate({ replay: file }, () => {
        program();
        // It has paid once before.
        log.length = 0;
      });
      const balances = (lines: unknown[]) => lines.map((line) => (Array.isArray(line) ? line.slice(0, 3) as unknown[] : typeof line));
      expect(balances(log.splice(0))).toEqual(balances(once));
    }
  });

  it('has nothing of what the program does besides, and says so', async () => {
    const server = serve(() => 'hello', { host: '127.0.0.1' });
    const stop = recordServers(file, [server]);
    await ask(server.port, '/');
    stop();
    await server.close();
    const error: unknown = await simulate({ replay: file }, () => {
      serve(() => 'hello', { host: '127.0.0.1' });
      connect({ host: '127.0.0.1', port: 5432 });
    }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ cause: { code: 'ERR_NOT_RECORDED', message: expect.stringContaining('netConnect besides requests') as string } });
    const changed: unknown = await simulate({ replay: file }, () => { serve(() => { sleep(5); return readFile('/etc/hostname'); }); }).catch((thrown: unknown) => thrown);
    expect(changed).toMatchObject({ cause: { code: 'ERR_REPLAY_DIVERGED' } });
  });
});
