/**
 * Next.js on a server of one's own: handlers, loaders and server components that wait, built by its bundler. It is a third of a gigabyte:
 * only CI's step "package" fetches it, and installs what prepack has packed beside it.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const archive = process.env.STACKFUL_PACKAGE;
const MINUTES = 60_000;

const imports = "import { coroutine } from 'stackful/embed';\nimport { current, sleep, wait } from 'stackful';\n";
const files: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({
    type: 'module', private: true,
    dependencies: { next: '16.4.6', react: '19.3.1', 'react-dom': '19.3.1', stackful: `file:${archive ?? ''}` },
  }),
  // The addon is a file beside the library, which a bundle does not have.
  'next.config.js': "export default { serverExternalPackages: ['stackful'] };",
  'pages/api/user.js': `${imports}
    export default coroutine((request, response) => {
      sleep(1);
      response.json({ name: current().name, id: request.query.id });
    });`,
  // What only the loader uses is not in the page that browsers get; an import that nothing uses would be.
  'pages/index.js': `
    import { coroutine } from 'stackful/embed';
    import { current, sleep } from 'stackful';
    export const getServerSideProps = coroutine((context) => (sleep(1), { props: { name: current().name } }));
    export default function Page({ name }) { return <p>{name}</p>; }`,
  'app/layout.js': 'export default function Layout({ children }) { return <html><body>{children}</body></html>; }',
  'app/component/page.js': `${imports}
    export const dynamic = 'force-dynamic';
    const load = coroutine((id) => (sleep(1), \`user \${id} \${current().state}\`));
    export default async function Page() { return <p>{await load(7)}</p>; }`,
  'app/route/route.js': `${imports}
    export const GET = coroutine((request) => (sleep(1), Response.json(current().name)));`,
  'server.js': `${imports}
    import { createServer } from 'node:http';
    import { once } from 'node:events';
    import next from 'next';
    const app = next({ dev: false });
    await app.prepare();
    const handle = app.getRequestHandler();
    const server = createServer(coroutine((request, response) => {
      if (request.headers.authorization !== 'right') return void response.writeHead(401).end('who are you?');
      wait(handle(request, response));
    })).listen(0, '127.0.0.1');
    await once(server, 'listening');
    for (const [path, authorization] of [['/', 'wrong'], ['/', 'right'], ['/api/user?id=7', 'right'], ['/component', 'right'], ['/route', 'right'], ['/none', 'right']]) {
      const response = await fetch(\`http://127.0.0.1:\${server.address().port}\${path}\`, { headers: { authorization } });
      const text = await response.text();
      console.log(response.status, /<p>(.*?)<.p>/.exec(text)?.[1] ?? text.slice(0, 100).replace(/<.*/s, 'a page'));
    }
    process.exit();`,
};

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'stackful-next-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
});
afterAll(() => { rmSync(directory, { recursive: true, force: true }); });

function run(command: string, ...args: string[]): string {
  const env = { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: directory, env, encoding: 'utf8', timeout: 3 * MINUTES });
  expect(status, stdout + stderr).toBe(0);
  return stdout;
}

describe.runIf(archive)('Next.js', () => {
  it('answers by coroutines at every place where it takes a function', { timeout: 8 * MINUTES }, () => {
    run('npm', 'install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts');
    run(process.execPath, 'node_modules/next/dist/bin/next', 'build');
    expect(run(process.execPath, 'server.js').split('\n').slice(-7)).toEqual([
      '401 who are you?', '200 GET /', '200 {"name":"GET /api/user?id=7","id":"7"}', '200 user 7 running', '200 "GET /route"', '404 a page', '',
    ]);
  });
});
