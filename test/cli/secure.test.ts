import http2 from 'node:http2';
import https from 'node:https';
import type tls from 'node:tls';
import { describe, expect, it } from 'vitest';

import { haveOpenssl, ordinary } from '../tls/certificates.js';
import { built, cli } from './program.js';

const files = () => {
  const { authority, server } = ordinary();
  return ['--cert', authority.file('cli.pem', server.cert), '--key', authority.file('cli.key', server.key)];
};

/** The page, on a connection that resumes `session` if it can. */
async function page(port: number, session?: Buffer): Promise<{ text: string; reused: boolean; next: Buffer }> {
  const options = { host: '127.0.0.1', port, servername: 'localhost', ca: ordinary().authority.cert, agent: false as const };
  return new Promise((resolve, reject) => {
    let next: Buffer | undefined;
    const request = https.get({ ...options, ...(session && { session }) }, (response) => {
      const socket = response.socket as tls.TLSSocket;
      const reused = socket.isSessionReused();
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => { resolve({ text, reused, next: next! }); });
    });
    request.on('socket', (socket) => socket.on('session', (given: Buffer) => (next = given)));
    request.on('error', reject);
  });
}

describe.skipIf(!built || !haveOpenssl)('stackful serve --cert --key (needs dist/)', () => {
  it('serves over HTTPS', async () => {
    const { child, shows, ended } = cli(['serve', 'examples/site', '--port', '0', ...files()]);
    const [, port] = await shows(/on https:\/\/127\.0\.0\.1:(\d+)/);
    expect((await page(Number(port))).text).toContain('<title>stackful');
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('serves over HTTP/2 with --http2', async () => {
    const { child, shows, ended } = cli(['serve', 'examples/site', '--port', '0', '--http2', ...files()]);
    const [, port] = await shows(/on https:\/\/127\.0\.0\.1:(\d+)/);
    const session = http2.connect(`https://127.0.0.1:${port!}`, { ca: ordinary().authority.cert, servername: 'localhost' });
    const text = await new Promise<string>((resolve, reject) => {
      let all = '';
      const stream = session.request({ ':path': '/' });
      stream.setEncoding('utf8').on('data', (part: string) => (all += part)).on('end', () => { resolve(all); }).on('error', reject);
    });
    expect(text).toContain('<title>stackful');
    session.close();
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('has workers that resume the sessions of each other', async () => {
    const { child, shows, ended } = cli(['serve', 'examples/site', '--port', '0', '--workers', '2', ...files()]);
    const [, port] = await shows(/on https:\/\/127\.0\.0\.1:(\d+) with 2 workers/);
    const { next } = await page(Number(port));
    const reused: boolean[] = [];
    for (let i = 0; i < 10; i++) reused.push((await page(Number(port), next)).reused);
    expect(reused).toEqual(Array.from({ length: 10 }, () => true));
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0 });
  });

  it('says what is wrong', async () => {
    const [, cert, , key] = files() as [string, string, string, string];
    const fails = async (code: number, pattern: RegExp, ...args: string[]) => {
      expect(await cli(['serve', 'examples/site', '--port', '0', ...args]).ended)
        .toMatchObject({ code, output: expect.stringMatching(pattern) as string });
    };
    await fails(2, /--cert and --key belong together/, '--cert', cert);
    await fails(1, /--key nowhere cannot be read \(ENOENT\)/, '--cert', cert, '--key', 'nowhere');
    await fails(1, /are no certificate and its key: .*\(ERR_OSSL/, '--cert', key, '--key', key);
    await fails(1, /cannot be read \(ENOENT\)/, '--cert', 'nowhere', '--key', key, '--workers', '1');
  });
});
