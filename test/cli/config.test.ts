import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';

import { valuesOfFile } from '../../lib/cli/config_file.js';
import { HELP } from '../../lib/cli/help.js';
import { schemaOf } from '../../lib/cli/schema.js';
import { PROXY, SERVE } from '../../lib/cli/tables.js';
import { built, cli } from './program.js';

const directory = mkdtempSync(join(tmpdir(), 'stackful-config-'));
afterAll(() => { rmSync(directory, { recursive: true }); });
mkdirSync(join(directory, 'site'));
writeFileSync(join(directory, 'site/index.html'), 'the page of the file\n'.repeat(100));

function fileWith(text: string, name = 'knot.json'): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

describe('a configuration file', () => {
  it('has comments, commas behind the last, and paths that begin in its folder', () => {
    const file = fileWith('{\n  // one\n  "$schema": "serve.json",\n  "directory": "site", /* two */ "log": "-", "key": "/etc/k.pem",\n  "port": 0,\n}\n');
    expect(valuesOfFile(SERVE, file)).toEqual({ directory: join(directory, 'site'), log: '-', key: '/etc/k.pem', port: 0 });
  });

  it.each([
    ['{\n  "directory": "site",\n  "compress": 1\n}', ':3:15: `compress` must be true or false'],
    ['{ "port": 65536 }', ':1:11: `port` must be a whole number from 0 to 65535'],
    ['{ "port": "80" }', ':1:11: `port` must be a whole number from 0 to 65535'],
    ['{ "logFormat": "apache" }', ':1:16: `logFormat` must be json, common or combined'],
    ['{ "logformat": "json" }', ':1:3: there is no option `logformat`: did you mean `logFormat`?'],
    ['{ "log-format": "json" }', ':1:3: there is no option `log-format`: did you mean `logFormat`?'],
    ['{ "xyzzy": 1 }', /:1:3: there is no option `xyzzy`: there are directory, port, host, /],
    ['{ "config": "other.json" }', ':1:3: `config` belongs to the command line: --config'],
    ['{ "worker": true }', /:1:3: there is no option `worker`: did you mean `workers`\?$/],
    ['{ "spa": true,\n"spa": false }', ':2:1: `spa` stands here for the second time'],
    ['{ "spa": true "http2": true }', ':1:15: this is no JSON: comma expected'],
    ['[8080]', ':1:1: a configuration is an object: { "port": 8080 }'],
    ['', /:1:1: this is no JSON: value expected/],
  ])('%j is refused with its place', (text, message) => {
    const file = fileWith(text);
    const told = (() => {
      try {
        return JSON.stringify(valuesOfFile(SERVE, file));
      } catch (error) {
        return (error as Error).message;
      }
    })();
    if (typeof message === 'string') expect(told).toBe(file + message);
    else expect(told).toMatch(message);
  });

  it('tells all mistakes at once', () => {
    const file = fileWith('{ "spa": 1,\n  "workers": 0 }');
    expect(() => valuesOfFile(SERVE, file)).toThrow(`${file}:1:10: \`spa\` must be true or false\n${file}:2:14: \`workers\` must be a whole number from 1 to 1024`);
  });
});

describe('the schema', () => {
  const tables = { serve: SERVE, proxy: PROXY };
  it.each(Object.keys(tables))('of %s has every option that help shows', (name) => {
    const rows = HELP.slice(HELP.indexOf(`\n  ${name} `) + 1).split('\n').slice(1);
    const own = rows.slice(0, rows.findIndex((row) => /^ {2}\w/.test(row)));
    const shown = own.flatMap((row) => /^ {6}(?:-\w, )?--([\w-]+)/.exec(row)?.[1] ?? []);
    expect(shown.length).toBeGreaterThan(8);
    const { properties } = schemaOf('x', tables[name as 'serve' | 'proxy']) as { properties: Record<string, unknown> };
    const inCamelCase = shown.map((word) => word.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()));
    expect(inCamelCase.filter((option) => option !== 'config' && !(option in properties))).toEqual([]);
  });

  it.skipIf(!built).each(Object.keys(tables))('of %s is in the package', (name) => {
    const shipped = JSON.parse(readFileSync(new URL(`../../dist/schema/${name}.json`, import.meta.url), 'utf8')) as unknown;
    expect(shipped).toEqual(JSON.parse(JSON.stringify(schemaOf(`stackful ${name} --config`, tables[name as 'serve' | 'proxy']))));
  });
});

describe.skipIf(!built)('--config (needs dist/)', () => {
  // On a connection of its own: one that is kept may be that of a worker which has been replaced.
  const zipped = async (url: string) => (await fetch(url, { headers: { connection: 'close' } })).headers.get('content-encoding');

  it('gives the options that the command line does not', async () => {
    const file = fileWith('{ "directory": "site", "port": 0, "compress": true }');
    const { shows, child, ended } = cli(['serve', '--config', file]);
    const [, url] = await shows(/Knot serves \S+site on (http:\S+)/);
    expect(await zipped(url!)).toMatch(/gzip|br|zstd/);
    expect(await (await fetch(url!)).text()).toMatch(/^the page of the file/);
    child.kill('SIGINT');
    expect((await ended).code).toBe(0);
    const other = cli(['serve', 'examples/site', '--config', file, '--no-compress']);
    const [, otherUrl] = await other.shows(/Knot serves examples\/site on (http:\S+)/);
    expect(await zipped(otherUrl!)).toBeNull();
  });

  it('is read anew at SIGHUP by new workers; while it is wrong the old ones go on', async () => {
    const file = fileWith('{ "directory": "site", "port": 0, "workers": 2 }', 'workers.json');
    const { shows, child } = cli(['serve', '--config', file]);
    const [, url] = await shows(/on (http:\S+) with 2 workers/);
    expect(await zipped(url!)).toBeNull();
    writeFileSync(file, '{ "directory": "site", "compres": true }');
    child.kill('SIGHUP');
    await shows(/workers\.json:1:24: there is no option `compres`: did you mean `compress`\?; the old workers go on/);
    expect((await fetch(url!)).status).toBe(200);
    writeFileSync(file, '{ "directory": "site", "compress": true }');
    child.kill('SIGHUP');
    await shows(/Every worker has been replaced/);
    // The last of the old ones may still be hearing of its end.
    while (!(await zipped(url!))) await delay(10);
  });

  it('gives a proxy its upstreams', async () => {
    const upstream = cli(['serve', 'examples/site', '--port', '0']);
    const [, port] = await upstream.shows(/on http:\/\/127\.0\.0\.1:(\d+)/);
    const file = fileWith(`{ "upstreams": ["127.0.0.1:${port!}"], "port": 0, "balance": "turn" }`, 'proxy.json');
    const { shows } = cli(['proxy', '--config', file]);
    const [, url] = await shows(/from (http:\S+) on to/);
    expect(await (await fetch(url!)).text()).toContain('<title>stackful');
  });

  it('that is wrong or missing ends the program with exit code 1, and one line', async () => {
    const file = fileWith('{ "port": -1 }', 'wrong.json');
    const wrong = await cli(['serve', '.', '--config', file]).ended;
    expect([wrong.code, wrong.output]).toEqual([1, `stackful: ${file}:1:11: \`port\` must be a whole number from 0 to 65535\n`]);
    const missing = await cli(['serve', '.', '--config', 'nowhere.json']).ended;
    expect([missing.code, missing.output]).toEqual([1, 'stackful: --config nowhere.json cannot be read (ENOENT)\n']);
  });
});
