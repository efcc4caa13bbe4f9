/** Template engines, and writers of documents, that call functions which wait, in the middle of their own frames. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import ejs from 'ejs';
import handlebars from 'handlebars';
import nunjucks from 'nunjucks';
import pdfkit from 'pdfkit';
import pug from 'pug';
import { afterAll, describe, expect, it } from 'vitest';

import { sleep, spawn, timeout, TimeoutError, wait, waitCallback, yieldNow } from 'stackful';
import { readFile } from 'stackful/fs';
import { fromReadable, Reader } from 'stackful/stream';

const directory = mkdtempSync(join(tmpdir(), 'stackful-templates-'));
afterAll(() => { rmSync(directory, { recursive: true }); });
writeFileSync(join(directory, 'motto'), 'in <straight> lines');
writeFileSync(join(directory, 'part.ejs'), '(<%= user(1) %>)');

/** What a template calls: each waits, for a timer, a promise, a file. */
const helpers = {
  user(id: number): string {
    sleep(2);
    return `user ${String(id)}`;
  },
  price: (of: string) => wait(new Promise<string>((resolve) => { setImmediate(resolve, `${of} costs 3`); })),
  motto: () => readFile(join(directory, 'motto'), 'utf8'),
  fail(): never {
    sleep(1);
    throw new RangeError('no such thing');
  },
};

const engines: Readonly<Record<string, { page: (helpers: object, name: string) => string; fails: (helpers: object) => string }>> = {
  EJS: {
    page: (locals, name) => ejs.render('<% for (const id of [1, 2]) { %><%= user(id) %>, <% } %><%= price("tea") %>: <%= motto() %> <%- include("part") %> for <%= name %>', { ...locals, name }, { filename: join(directory, 'page.ejs') }),
    fails: (locals) => ejs.render('<%= fail() %>', locals),
  },
  Pug: {
    page: (locals, name) => pug.render('each id in [1, 2]\n  = user(id) + ", "\n= price("tea") + ": "\n= motto()\n|  (#{user(1)}) for #{name}', { ...locals, name }),
    fails: (locals) => pug.render('= fail()', locals),
  },
  Handlebars: {
    page: (locals, name) => {
      const engine = handlebars.create();
      engine.registerHelper(locals as Record<string, (this: unknown) => string>);
      return engine.compile('{{#each ids}}{{user this}}, {{/each}}{{price "tea"}}: {{motto}} ({{user 1}}) for {{name}}')({ ids: [1, 2], name });
    },
    fails: (locals) => {
      const engine = handlebars.create();
      engine.registerHelper(locals as Record<string, (this: unknown) => string>);
      return engine.compile('{{fail}}')({});
    },
  },
  Nunjucks: {
    page: (locals, name) => new nunjucks.Environment(null, { autoescape: true })
      .renderString('{% for id in [1, 2] %}{{ user(id) }}, {% endfor %}{{ price("tea") }}: {{ motto() }} ({{ user(1) }}) for {{ name }}', { ...locals, name }),
    fails: (locals) => new nunjucks.Environment(null).renderString('{{ fail() }}', locals),
  },
};

describe.each(Object.keys(engines))('%s', (engine) => {
  const { page, fails } = engines[engine]!;
  const expected = (name: string) => `user 1, user 2, tea costs 3: in &lt;straight&gt; lines (user 1) for ${name}`;

  it('renders pages at the same time, with helpers that wait', async () => {
    const names = ['ann', 'bob', 'cid'];
    const order: string[] = [];
    const pages = await spawn(() => {
      const all = names.map((name) => spawn(() => page({
        ...helpers,
        user(id: number) {
          order.push(name);
          return helpers.user(id);
        },
      }, name)));
      return all.map((one) => one.join());
    });
    expect(pages).toEqual(names.map(expected));
    // Each waits in its first helper while the others come to theirs.
    expect(order.slice(0, 3)).toEqual(names);
  });

  it('lets errors out, and time limits', async () => {
    await expect(spawn(() => fails(helpers)).promise).rejects.toThrow(/no such thing/);
    await expect(spawn(() => timeout(5, () => page({ ...helpers, price: () => { sleep(60_000); } }, 'x'))).promise)
      // Nunjucks wraps what a helper throws.
      .rejects.toThrow(engine === 'Nunjucks' ? /price|timed out/ : TimeoutError);
  });
});

it('csv-stringify casts values with functions that wait', async () => {
  const text = await spawn(() => stringify([['a', 1], ['b', 2]], { cast: { number: (value) => (sleep(1), `${String(value)}.00`) } }));
  expect(text).toBe('a,1.00\nb,2.00\n');
});

it('pdfkit writes a document that a coroutine reads as it comes', async () => {
  const [size, start] = await spawn(() => {
    const document = new pdfkit({ compress: false });
    const source = fromReadable(document);
    const whole = spawn(() => {
      const reader = new Reader(source);
      const parts: Buffer[] = [];
      for (let part = reader.read(); part; part = reader.read()) parts.push(part);
      return Buffer.concat(parts);
    });
    for (let page = 1; page <= 20; page++) {
      if (page > 1) document.addPage();
      document.text(`page ${String(page)} for ${helpers.user(page)}`);
      yieldNow();
    }
    document.end();
    const bytes = whole.join();
    return [bytes.length, bytes.subarray(0, 5).toString()] as const;
  });
  expect(start).toBe('%PDF-');
  expect(size).toBeGreaterThan(5000);
});

it('pug compiles files by callbacks', async () => {
  writeFileSync(join(directory, 'page.pug'), 'p= motto()');
  expect(await spawn(() => waitCallback<string>((done) => { pug.renderFile(join(directory, 'page.pug'), { motto: () => 'hello' }, done); }))).toBe('<p>hello</p>');
});
