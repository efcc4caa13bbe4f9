import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it, onTestFinished } from 'vitest';

import { coroutines, timeout } from 'stackful';
import type { FormLimits, Handler, Request } from 'stackful/http';
import { exchange, open, parse, start, until, url } from './helpers.js';

const LARGE = Buffer.alloc(3_000_000, 'a large file. ');

function form(): FormData {
  const made = new FormData();
  made.append('title', 'Grüße');
  made.append('small', new Blob(['small file'], { type: 'text/x-small' }), '../../etc/small.txt');
  made.append('tag', 'a');
  made.append('tag', 'b\r\nc');
  made.append('large', new Blob([LARGE]), 'lärge.bin');
  made.append('empty', new Blob([]), 'empty');
  made.append('none', '');
  return made;
}

const post = async (handler: Handler, body: RequestInit['body'] = form(), headers: Record<string, string> = {}) => {
  const server = start(handler);
  const response = await fetch(url(server), { method: 'POST', body, headers });
  return { status: response.status, text: await response.text(), server };
};

function everyText(request: Request): string {
  const texts: string[] = [];
  for (const part of request.parts()) texts.push(part.text());
  return texts.join('|');
}

const BIG = { bodyBytes: 10e6 };
const directory = (): string => {
  const path = mkdtempSync(`${tmpdir()}/stackful-form-`);
  onTestFinished(() => { rmSync(path, { recursive: true }); });
  return path;
};

describe('request.parts', () => {
  it('has fields and files in their order', async () => {
    const { text } = await post((request) => [...request.parts(BIG)].map(({ name, filename, type, isFile }) => [name, filename ?? null, type, isFile]));
    expect(JSON.parse(text)).toEqual([
      ['title', null, 'text/plain', false],
      ['small', 'small.txt', 'text/x-small', true],
      ['tag', null, 'text/plain', false],
      ['tag', null, 'text/plain', false],
      ['large', 'lärge.bin', 'application/octet-stream', true],
      ['empty', 'empty', 'application/octet-stream', true],
      ['none', null, 'text/plain', false],
    ]);
  });

  it('reads them: text, bytes, pieces; what is not read is skipped', async () => {
    const { text, server } = await post((request) => {
      const read: unknown[] = [];
      for (const part of request.parts(BIG)) {
        if (part.name === 'small') read.push(part.text());
        else if (part.name === 'large') {
          let bytes = 0;
          for (const piece of part) bytes += piece.length;
          read.push(bytes);
        } else if (part.name === 'tag') read.push(part.text());
        else if (part.name === 'empty') read.push(part.bytes().length);
        else if (part.name === 'none') read.push(part.text());
      }
      return read;
    });
    expect(JSON.parse(text)).toEqual(['small file', 'a', 'b\r\nc', LARGE.length, 0, '']);
    expect(server.errors).toEqual([]);
  });

  it('goes on when a file is left in its middle, and when the form is', async () => {
    const { text } = await post((request) => {
      const names: string[] = [];
      for (const part of request.parts(BIG)) {
        names.push(part.name);
        for (const _ of part) break;
      }
      return names.join();
    });
    expect(text).toBe('title,small,tag,tag,large,empty,none');
    expect((await post((request) => {
      for (const part of request.parts(BIG)) if (part.name === 'large') return `left ${part.name}`;
      return 'end';
    })).text).toBe('left large');
  });

  it('saves files, and leaves none when that fails', async () => {
    const path = directory();
    const { text } = await post((request) => {
      const bytes: number[] = [];
      for (const part of request.parts(BIG)) if (part.isFile) bytes.push(part.saveTo(`${path}/${part.name}`));
      return bytes;
    });
    expect(JSON.parse(text)).toEqual([10, LARGE.length, 0]);
    expect(readFileSync(`${path}/large`).equals(LARGE)).toBe(true);
    const again = await post((request) => {
      for (const part of request.parts(BIG)) if (part.isFile) part.saveTo(`${path}/${part.name}`);
      return 'saved';
    });
    expect([again.status, (again.server.errors[0] as { code: string }).code]).toEqual([500, 'EEXIST']);
    expect(readFileSync(`${path}/small`, 'utf8')).toBe('small file');
    const cut = await post((request) => {
      for (const part of request.parts({ ...BIG, fileBytes: 1e6 })) if (part.name === 'large') part.saveTo(`${path}/cut`);
      return 'saved';
    });
    expect([cut.status, cut.text, readdirSync(path).sort()]).toEqual([413, 'the form has a file that is too large\n', ['empty', 'large', 'small']]);
  });

  it.each<[string, FormLimits, string]>([
    ['bodyBytes', { bodyBytes: 1e6 }, 'the body is too large'],
    ['fileBytes', { ...BIG, fileBytes: LARGE.length - 1 }, 'the form has a file that is too large'],
    ['fieldBytes', { ...BIG, fieldBytes: 4 }, 'the form has a field that is too long'],
    ['files', { ...BIG, files: 2 }, 'the form has too many files'],
    ['fields', { ...BIG, fields: 3 }, 'the form has too many fields'],
  ])('has a limit: %s', async (_name, limits, message) => {
    const server = start((request) => {
      for (const part of request.parts(limits)) if (part.isFile) part.bytes();
      return 'read';
    });
    const response = await fetch(url(server), { method: 'POST', body: form() });
    expect([response.status, await response.text()]).toEqual([413, `${message}\n`]);
    expect(server.errors).toEqual([]);
  });

  it('takes what is exactly at its limits', async () => {
    const { status, text } = await post((request) => String([...request.parts({ bodyBytes: 10e6, fileBytes: LARGE.length, fieldBytes: 7, files: 3, fields: 4 })].length));
    expect([status, text]).toEqual([200, '7']);
  });

  const raw = async (body: string, type = 'multipart/form-data; boundary=x', read: (request: Request) => string = everyText) => {
    const server = start(read);
    const [answer] = parse(await exchange(server, `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: ${String(body.length)}\r\n\r\n${body}`));
    expect(server.errors).toEqual([]);
    return [answer!.status, answer!.body];
  };
  const part = (headers: string, content: string) => `--x\r\n${headers}\r\n\r\n${content}\r\n`;
  it.each([
    ['an end that does not come', part('Content-Disposition: form-data; name="a"', '1').slice(0, -6), 400],
    ['a file that does not end', part('Content-Disposition: form-data; name="a"; filename="f"', '1').slice(0, -2), 400],
    ['nothing at all', '', 400],
    ['no boundary', 'xyz', 400],
  ])('refuses %s', async (_name, body, status) => {
    expect(await raw(body)).toEqual([status, expect.any(String)]);
  });

  it('refuses other types, and a second reading', async () => {
    expect(await raw('a=b', 'application/json')).toEqual([415, 'the body is no multipart/form-data\n']);
    expect(await raw('a=b', 'multipart/form-data')).toEqual([400, 'the form is malformed\n']);
    const server = start((request) => {
      void [...request.parts()];
      return [...request.parts()].length.toString();
    });
    await fetch(url(server), { method: 'POST', body: new URLSearchParams('a=b') });
    await exchange(server, `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 5\r\n\r\n--x--`);
    expect(server.errors).toEqual([expect.objectContaining({ code: 'ERR_HTTP_BODY_IN_USE' })]);
  });

  it('takes a byte at a time', async () => {
    const server = start(everyText);
    const body = `${part('Content-Disposition: form-data; name="a"', '1')}${part('Content-Disposition: form-data; name="f"; filename="f"', 'file\r\n--y')}--x--\r\n`;
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: ${String(body.length)}\r\n\r\n`;
    expect(parse(await exchange(server, head, ...body))[0]!.body).toBe('1|file\r\n--y');
  });

  it('ends when its time is up, and when the client leaves, without a file or a coroutine left behind', async () => {
    const path = directory();
    const before = coroutines().length;
    const server = start((request) => timeout(20, () => {
      for (const one of request.parts(BIG)) if (one.isFile) one.saveTo(`${path}/file`);
      return 'read';
    }), { limits: { halfClose: 0 } });
    const socket = await open(server);
    const begun = part('Content-Disposition: form-data; name="f"; filename="f"', 'begun');
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n\r\n${begun}`);
    await until(() => server.errors.length === 1);
    expect(server.errors).toEqual([expect.objectContaining({ code: 'ERR_TIMEOUT' })]);
    socket.destroy();
    await server.close({ deadline: 0 });
    await until(() => coroutines().length <= before);
    expect(existsSync(`${path}/file`)).toBe(false);
  });
});

describe('request.formData', () => {
  it('has a whole form in memory', async () => {
    let got: FormData | undefined;
    await post((request) => void (got = request.formData(BIG)));
    expect([got!.get('title'), got!.getAll('tag'), got!.get('none')]).toEqual(['Grüße', ['a', 'b\r\nc'], '']);
    const large = got!.get('large') as File;
    expect([large.name, large.type, large.size, Buffer.from(await large.arrayBuffer()).equals(LARGE)]).toEqual(['lärge.bin', 'application/octet-stream', LARGE.length, true]);
  });

  it('reads encoded forms', async () => {
    const read: Handler = (request) => [...request.formData({ fields: 3 })];
    expect((await post(read, new URLSearchParams([['a', 'ü &='], ['a', '2'], ['b', '']]))).text).toBe('[["a","ü &="],["a","2"],["b",""]]');
    expect((await post(read, new URLSearchParams('a=1&b=2&c=3&d=4'))).status).toBe(413);
    expect((await post(read, '{}', { 'content-type': 'application/json' })).status).toBe(415);
    expect((await post((request) => [...request.formData({ file: 1 } as object)], form())).server.errors)
      .toEqual([expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' })]);
  });
});
