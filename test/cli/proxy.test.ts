import { describe, expect, it } from 'vitest';
import { serve } from 'stackful/http';

import { built, cli } from './program.js';

describe.skipIf(!built)('stackful proxy', () => {
  it('passes requests on, and ends when it is told to', async () => {
    const upstreams = ['one', 'two'].map((name) => serve((request) => `${name} ${request.headers.get('host')!}`, { host: '127.0.0.1' }));
    const ports = upstreams.map(({ port }) => String(port));
    const run = cli(['proxy', ports[0]!, `127.0.0.1:${ports[1]!}`, '--port', '0', '--balance', 'turn', '--upstream-host']);
    const [, url] = await run.shows(/from (http:\S+) on to http:\/\/127\.0\.0\.1:\d+, http:\/\/127\.0\.0\.1:\d+/);
    const get = async () => (await fetch(url!)).text();
    expect([await get(), await get(), await get()]).toEqual([`one 127.0.0.1:${ports[0]!}`, `two 127.0.0.1:${ports[1]!}`, `one 127.0.0.1:${ports[0]!}`]);
    for (const server of upstreams) await server.close({ deadline: 0 });
    expect((await fetch(url!)).status).toBe(502);
    await run.shows(/stackful proxy: http:\S+: GET \/: connect ECONNREFUSED .* \(502\)/);
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe(0);
  });

  it.each([
    [['proxy'], /to which servers\?/],
    [['proxy', '3000', '--balance', 'x'], /--balance x: it must be least/],
    [['proxy', 'http://'], /Invalid URL/],
    [['proxy', '3000', '--timeout', 'x'], /--timeout x: it must be a whole number/],
    [['proxy', '3000', '--cert', 'x'], /belong together/],
    [['proxy', '3000', '--port', '99999'], /--port 99999: it must be a whole number/],
  ])('%j says what is wrong', async (args, pattern) => {
    const { code, output } = await cli(args).ended;
    expect([code, pattern.test(output)]).toEqual([2, true]);
  });
});
