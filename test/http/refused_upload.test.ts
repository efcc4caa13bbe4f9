import { request as httpRequest } from 'node:http';
import { describe, expect, it } from 'vitest';
import { HttpError, type Handler } from 'stackful/http';
import { start } from './helpers.js';

const BODY = Buffer.alloc(5_000_000);

/** The result of node:http's client for an answer that comes while it sends: the status and the body, or an error's code. */
function upload(port: number, chunked: boolean): Promise<string> {
  return new Promise((resolve) => {
    const headers = chunked ? {} : { 'Content-Length': BODY.length };
    const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', headers }, (response) => {
      let text = `${String(response.statusCode)} `;
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('close', () => { resolve(text); });
    });
    request.on('error', (error: NodeJS.ErrnoException) => { resolve(error.code!); });
    if (!chunked) {
      request.end(BODY);
      return;
    }
    for (let i = 0; i < 50; i++) request.write(BODY.subarray(0, BODY.length / 50));
    request.end();
  });
}

const refusals: Record<string, { handler: Handler; answer: string }> = {
  'a status of the handler': { handler: () => ({ status: 401, body: 'who are you?' }), answer: '401 who are you?' },
  'an error of the handler': { handler: () => { throw new HttpError(403, 'no'); }, answer: '403 no\n' },
  'a body that is too large': { handler: (request) => request.text(), answer: '413 the body is too large\n' },
  'an answer that has nothing to do with it': { handler: () => 'thanks', answer: '200 thanks' },
  'a stream': { handler: () => ({ status: 400, body: ['b', 'ad'] }), answer: '400 bad' },
};

describe.each(Object.entries(refusals))('the answer to an upload that the handler does not read: %s', (_name, { handler, answer }) => {
  it.each([['announced', false], ['in chunks', true]] as const)('arrives, %s', async (_framing, chunked) => {
    const server = start(handler);
    for (let i = 0; i < 5; i++) expect(await upload(server.port, chunked)).toBe(answer);
    expect(server.errors).toEqual([]);
  });
});
