import { spawn as start, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request as ask } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { inCoroutine } from 'stackful/embed';
import { connect } from 'stackful/websocket';
import { hasBrowser, openBrowser } from '../support/browser.js';
import { postgresPrograms, startPostgres, type Postgres } from '../support/postgres.js';

const programs = postgresPrograms();
const program = fileURLToPath(new URL('../../examples/notes/server.mjs', import.meta.url));
const MOST = 50_000;

function run(env: Record<string, string>): ChildProcess {
  return start(process.execPath, [program], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function failure(env: Record<string, string>): Promise<[code: number | null, stderr: string]> {
  const child = run(env);
  let stderr = '';
  child.stderr!.on('data', (data) => { stderr += String(data); });
  const [code] = await once(child, 'close') as [number | null];
  return [code, stderr];
}

describe('what examples/notes says about its environment', () => {
  it('names all that is wrong', async () => {
    expect(await failure({ PORT: 'http', UPLOAD_BYTES: '0' })).toEqual([1, [
      'PORT has to be a whole number from 0 to 65535, not "http"',
      `UPLOAD_BYTES has to be a whole number from 1 to ${String(2 ** 40)}, not "0"\n`,
    ].join('\n')]);
  });

  it('says when there is no database', async () => {
    const [code, stderr] = await failure({ PORT: '0', PGHOST: join(tmpdir(), 'no-such-folder') });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^the database cannot be used: .*ENOENT/)]);
  });
});

describe.skipIf(!programs)('examples/notes (skipped where PostgreSQL is not installed)', () => {
  let database: Postgres;
  let server: ChildProcess;
  let url: string;
  let stderr = '';
  const folder = mkdtempSync(join(tmpdir(), 'stackful-notes-'));
  const uploads = join(folder, 'uploads');

  beforeAll(async () => {
    database = await startPostgres(programs!);
    server = run({
      PORT: '0', PGHOST: database.directory, PGUSER: 'postgres', PGDATABASE: 'postgres', UPLOADS: uploads,
      UPLOAD_BYTES: String(MOST), ACCESS_LOG: join(folder, 'access.log'), PATIENCE_MS: '60000', DRAIN_MS: '60000',
    });
    server.stderr!.on('data', (data) => { stderr += String(data); });
    url = String((await once(createInterface(server.stdout!), 'line'))[0]);
  }, 60_000);
  afterAll(async () => {
    server.kill('SIGKILL');
    await database.stop();
    rmSync(folder, { recursive: true });
  });

  /** A browser, which keeps its cookie, but does not follow redirects. */
  class Browser {
    cookie = '';
    async send(method: string, path: string, body?: string | URLSearchParams | FormData, headers: Record<string, string> = {}): Promise<Response> {
      const given = { ...headers, ...(this.cookie && { cookie: this.cookie }) };
      const response = await fetch(url + path, { method, redirect: 'manual', headers: given, ...(body !== undefined && { body }) });
      const cookie = response.headers.getSetCookie()[0];
      if (cookie !== undefined) this.cookie = cookie.includes('Max-Age=0') ? '' : cookie.split(';')[0]!;
      return response;
    }
    get = (path: string, headers?: Record<string, string>) => this.send('GET', path, undefined, headers);
    post = (path: string, fields: Record<string, string> | FormData, headers?: Record<string, string>) =>
      this.send('POST', path, fields instanceof FormData ? fields : new URLSearchParams(fields), headers);
    async api(method: string, path: string, value?: unknown): Promise<[status: number, value: Record<string, unknown>]> {
      const response = await this.send(method, `/api${path}`, value === undefined ? undefined : JSON.stringify(value));
      const text = await response.text();
      return [response.status, (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>];
    }
  }

  const enter = async (path: string, name: string, password = `${name}-password`) => {
    const browser = new Browser();
    const response = await browser.post(path, { name, password });
    return { browser, status: response.status, location: response.headers.get('location'), text: await response.text() };
  };
  const error = (text: string) => ({ error: expect.stringContaining(text) as string });
  const userOf = async (name: string) => (await enter('/login', name)).browser;
  const ids = (value: unknown) => (value as { id: string }[]).map(({ id }) => id);
  const files = (contents: Record<string, Uint8Array | string>) => {
    const form = new FormData();
    for (const [name, content] of Object.entries(contents)) form.append('file', new Blob([content]), name);
    return form;
  };
  const until = async (holds: () => boolean) => { while (!holds()) await delay(5); };

  it('signs users up, once each', async () => {
    const { browser, status, location } = await enter('/signup', 'ada');
    expect([status, location]).toEqual([303, '/']);
    expect(await browser.api('GET', '/me')).toEqual([200, { id: expect.any(String) as string, name: 'ada' }]);
    expect((await enter('/signup', 'bob')).status).toBe(303);
    expect(await enter('/signup', 'ADA')).toMatchObject({ status: 409, text: expect.stringContaining('that name is taken') as string });
    expect((await enter('/signup', 'c')).status).toBe(400);
    expect((await enter('/signup', 'cid', 'short')).status).toBe(400);
  });

  it('logs users in with their password only', async () => {
    expect((await enter('/login', 'ada')).status).toBe(303);
    for (const [name, password] of [['ada', 'bob-password'], ['nobody', 'x'], ['a\0', 'x']] as const) {
      const { status, browser, text } = await enter('/login', name, password);
      expect([status, browser.cookie, text]).toEqual([401, '', expect.stringContaining('name or password is wrong')]);
    }
  });

  it('sends to the log-in, or answers 401, who is not logged in', async () => {
    const ada = await userOf('ada');
    const cookie = ada.cookie;
    expect((await ada.post('/logout', {})).headers.get('location')).toBe('/login');
    const old = new Browser();
    old.cookie = cookie;
    for (const browser of [ada, old]) {
      expect(await browser.api('GET', '/notes')).toEqual([401, error('log in')]);
      const page = await browser.get('/');
      expect([page.status, page.headers.get('location')]).toEqual([303, '/login']);
      expect((await browser.post('/notes', { title: 'x' })).status).toBe(401);
      expect((await browser.get('/live/events')).status).toBe(401);
    }
  });

  it('makes, changes and deletes notes', async () => {
    const [ada, bob] = [await userOf('ada'), await userOf('bob')];
    const [made, note] = await ada.api('POST', '/notes', { title: ' Milk ', body: 'one\r\ntwo' });
    expect([made, note]).toMatchObject([201, { title: 'Milk', body: 'one\ntwo', version: 1, author: 'ada' }]);
    const at = `/notes/${String(note.id)}`;
    expect(await bob.api('PUT', at, { title: 'Milk', body: 'three', version: 1 })).toMatchObject([200, { version: 2, body: 'three' }]);
    expect(await ada.api('PUT', at, { title: 'Milk', body: 'four', version: 1 })).toEqual([409, error('it has version 2')]);
    expect((await ada.post(at, { title: 'Milk', body: 'four', version: '1' })).status).toBe(409);
    expect(await ada.api('GET', at)).toMatchObject([200, { body: 'three', attachments: [] }]);
    expect(await bob.api('DELETE', at)).toEqual([403, error('author')]);
    expect((await ada.api('DELETE', at))[0]).toBe(204);
    expect(await ada.api('GET', at)).toEqual([404, error('no such note')]);
    expect((await ada.api('PUT', at, { title: 'Milk', version: 2 }))[0]).toBe(404);
  });

  it.each<[string, unknown, number]>([
    ['no title', { body: 'x' }, 400],
    ['a title that is no text', { title: 1 }, 400],
    ['null', null, 400],
    ['a character that PostgreSQL does not take', { title: 'a\0' }, 400],
    ['too much text', { title: 'a', body: 'x'.repeat(200_000) }, 413],
  ])('refuses %s', async (_name, content, status) => {
    expect((await (await userOf('ada')).api('POST', '/notes', content))[0]).toBe(status);
  });

  it('finds notes by their words', async () => {
    const ada = await userOf('ada');
    const [, { id }] = await ada.api('POST', '/notes', { title: 'Garden', body: 'plant the quince' });
    await ada.api('POST', '/notes', { title: 'Kitchen', body: 'plant nothing' });
    expect(ids((await ada.api('GET', '/notes?q=quince+garden'))[1])).toEqual([id]);
    expect(ids((await ada.api('GET', `/notes?q=${encodeURIComponent('"\'<\0 quince & (')}`))[1])).toEqual([id]);
    expect(await (await ada.get('/list?q=quince')).text()).toContain(`href="/notes/${String(id)}"`);
  });

  it('escapes what users write', async () => {
    const ada = await userOf('ada');
    const hostile = '<script>alert(1)</script>"\'&amp;';
    const location = (await ada.post('/notes', { title: hostile, body: '</textarea><b>' })).headers.get('location')!;
    const pages = await Promise.all([location, '/', '/?q=%22%3E%3Cb%3E'].map(async (path) => (await ada.get(path)).text()));
    expect(pages[0]).toContain('value="&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;amp;"');
    for (const page of pages) expect(page).not.toMatch(/<script>|<b>/);
  });

  it('answers what is not there with a page, or JSON', async () => {
    const ada = await userOf('ada');
    const page = await ada.get('/nothing/here');
    expect([page.status, page.headers.get('content-type'), await page.text()])
      .toEqual([404, 'text/html; charset=utf-8', expect.stringContaining('there is no such page')]);
    expect((await ada.get('/notes/999999999999999999')).status).toBe(404);
    expect(await ada.api('GET', '/nothing')).toEqual([404, error('nothing here')]);
    expect((await ada.get(`/attachments/${'x'.repeat(36)}`)).status).toBe(404);
    expect((await ada.get('/assets/none')).status).toBe(404);
  });

  it('refuses requests that other sites cause', async () => {
    const ada = await userOf('ada');
    const foreign: Record<string, string>[] = [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }];
    for (const headers of foreign) {
      expect((await ada.post('/notes', { title: 'x' }, headers)).status).toBe(403);
    }
    expect((await ada.post('/notes', { title: 'ours' }, { origin: url })).status).toBe(303);
  });

  it('takes attachments and gives them back', async () => {
    const ada = await userOf('ada');
    const at = (await ada.post('/notes', { title: 'Files' })).headers.get('location')!;
    const content = new Uint8Array(MOST).map((_, i) => i % 251);
    expect((await ada.post(`${at}/attachments`, files({ 'été (1).bin': content, 'b.html': '<b>' }))).status).toBe(303);
    const { attachments } = (await ada.api('GET', at))[1] as { attachments: { id: string; name: string; bytes: number }[] };
    expect(attachments.map(({ name, bytes }) => [name, bytes])).toEqual([['b.html', 3], ['été (1).bin', MOST]]);
    const response = await ada.get(`/attachments/${attachments[1]!.id}`);
    expect([response.headers.get('content-type'), response.headers.get('content-disposition')])
      .toEqual(['application/octet-stream', "attachment; filename*=UTF-8''%C3%A9t%C3%A9%20%281%29.bin"]);
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
    const part = await ada.get(`/attachments/${attachments[0]!.id}`, { range: 'bytes=1-1' });
    expect([part.status, await part.text()]).toEqual([206, 'b']);
    expect((await new Browser().get(`/attachments/${attachments[0]!.id}`)).status).toBe(303);

    expect((await ada.post(`${at}/delete`, {})).headers.get('location')).toBe('/');
    expect((await ada.get(`/attachments/${attachments[0]!.id}`)).status).toBe(404);
    expect(readdirSync(uploads)).toEqual([]);
  });

  it('keeps nothing of an upload that is too large, or for no note', async () => {
    const ada = await userOf('ada');
    const at = (await ada.post('/notes', { title: 'Full' })).headers.get('location')!;
    expect((await ada.post(`${at}/attachments`, files({ small: 'x', large: new Uint8Array(MOST + 1) }))).status).toBe(413);
    expect((await ada.post(`${at}/attachments`, files(Object.fromEntries([...'abcdef'].map((name) => [name, name]))))).status).toBe(413);
    expect((await ada.post('/notes/999999/attachments', files({ small: 'x' }))).status).toBe(404);
    expect([readdirSync(uploads), (await ada.api('GET', at))[1].attachments]).toEqual([[], []]);
  });

  it('tells pages of changes', async () => {
    const [ada, bob] = [await userOf('ada'), await userOf('bob')];
    const stream = await bob.get('/live/events');
    let text = '';
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    const heard = async (what: string) => {
      while (!text.includes(what)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`the stream has ended: ${text}`);
        text += value;
      }
    };
    await heard('event: ready');
    const [, { id }] = await ada.api('POST', '/notes', { title: 'News' });
    await heard(`event: created\ndata: ${JSON.stringify({ id, title: 'News', author: 'ada' })}\n\n`);
    await ada.api('DELETE', `/notes/${String(id)}`);
    await heard('event: deleted');
    await reader.cancel();
  });

  it('tells who is here', async () => {
    const [ada, bob] = [await userOf('ada'), await userOf('bob')];
    const address = `${url.replace('http', 'ws')}/live/presence`;
    await inCoroutine(() => {
      using first = connect(address, { headers: { Cookie: ada.cookie } });
      const hear = () => JSON.parse(String(first.receive())) as unknown;
      expect(hear()).toEqual({ online: ['ada'] });
      const second = connect(address, { headers: { Cookie: bob.cookie, Origin: url } });
      expect(hear()).toEqual({ online: ['ada', 'bob'] });
      second.send('not JSON');
      second.send(JSON.stringify({ looking: '7' }));
      expect(hear()).toEqual({ name: 'bob', looking: '7' });
      second.close();
      expect(hear()).toEqual({ online: ['ada'] });
      const refused: Record<string, string>[] = [{ Cookie: '' }, { Cookie: ada.cookie, Origin: 'https://evil.example' }];
      for (const headers of refused) {
        expect(() => connect(address, { headers })).toThrow(expect.objectContaining({ code: 'ERR_WEBSOCKET_HANDSHAKE' }) as Error);
      }
    })();
  });

  it.skipIf(!hasBrowser)('works in a browser, whose list is always current', async () => {
    const chromium = await openBrowser();
    const { page, complaints } = chromium;
    try {
      await page.goto(`${url}/signup`);
      await page.fill('[name=name]', 'eva');
      await page.fill('[name=password]', 'eva-password');
      await page.click('main button');
      await page.waitForSelector('#notes');
      await page.locator('#online', { hasText: /^here: eva$/ }).waitFor();
      const [, { id }] = await (await userOf('ada')).api('POST', '/notes', { title: 'Seen & <b>heard</b>' });
      await page.click('text=Seen & <b>heard</b>');
      await page.fill('textarea', 'by eva');
      await page.click('button:has-text("Save")');
      while (await page.inputValue('[name=version]') !== '2') await page.waitForTimeout(20);
      await page.setInputFiles('[type=file]', { name: 'eva.txt', mimeType: 'text/plain', buffer: Buffer.from('eva') });
      await page.click('button:has-text("Attach")');
      await page.waitForSelector('text=eva.txt');
      expect((await (await userOf('ada')).api('GET', `/notes/${String(id)}`))[1]).toMatchObject({ body: 'by eva', attachments: [{ bytes: 3 }] });
      await (await userOf('ada')).api('DELETE', `/notes/${String(id)}`);
      expect(complaints).toEqual([]);
    } finally {
      await chromium.close();
    }
  });

  it('compresses, sets headers, logs, and knows whether it works', async () => {
    const ada = await userOf('ada');
    const page = await ada.get('/', { 'accept-encoding': 'gzip' });
    expect([page.headers.get('content-encoding'), page.headers.get('x-content-type-options')]).toEqual(['gzip', 'nosniff']);
    const health = await fetch(`${url}/healthz`);
    expect([health.status, await health.text()]).toEqual([200, 'ok\n']);
    await until(() => readFileSync(join(folder, 'access.log'), 'utf8').includes('"target":"/healthz"'));
  });

  it('answers 503 while the database keeps it waiting', async () => {
    const { cookie } = await userOf('ada');
    const client = new pg.Client({ host: database.directory, user: 'postgres', database: 'postgres' });
    await client.connect();
    const impatient = run({
      PORT: '0', PGHOST: database.directory, PGUSER: 'postgres', PGDATABASE: 'postgres', UPLOADS: uploads, PATIENCE_MS: '300',
    });
    try {
      const at = String((await once(createInterface(impatient.stdout!), 'line'))[0]);
      await client.query('BEGIN; LOCK TABLE notes');
      const refused = await fetch(`${at}/api/notes`, { headers: { cookie } });
      expect([refused.status, await refused.json()]).toEqual([503, error('too long')]);
      await client.query('ROLLBACK');
      expect((await fetch(`${at}/healthz`)).status).toBe(200);
    } finally {
      impatient.kill('SIGKILL');
      await client.end();
    }
  });

  it('ends when it is told to, after what is under way', async () => {
    const ada = await userOf('ada');
    const events = await ada.get('/live/events');
    const at = (await ada.post('/notes', { title: 'The last' })).headers.get('location')!;
    const ended = once(server, 'exit');
    const form = '--x\r\nContent-Disposition: form-data; name="file"; filename="last.txt"\r\n\r\nthe last file\r\n--x--\r\n';
    const headers = { 'Content-Type': 'multipart/form-data; boundary=x', 'Content-Length': form.length, Cookie: ada.cookie };
    const upload = ask(`${url}${at}/attachments`, { method: 'POST', headers });
    const answered = once(upload, 'response');
    upload.write(form.slice(0, -20));
    await until(() => readdirSync(uploads).length === 1);
    server.kill('SIGTERM');
    await until(() => stderr.includes('SIGTERM'));
    await events.text();
    upload.end(form.slice(-20));
    const [answer] = await answered as [{ statusCode: number; resume(): void }];
    answer.resume();
    expect(answer.statusCode).toBe(303);
    expect(await ended).toEqual([0, null]);
    expect(readdirSync(uploads).map((name) => readFileSync(join(uploads, name), 'utf8'))).toEqual(['the last file']);
    expect(stderr).toBe('SIGTERM: no new requests; those under way have 60000 ms\n');
  });
});
