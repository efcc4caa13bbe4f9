import { describe, expect, it } from 'vitest';

import { serve, type ServeOptions } from 'stackful/http';
import { start } from '../helpers.js';
import { ACK, Raw, Type } from './peers.js';

const refusal = (http2: unknown): unknown => {
  try {
    serve(() => 'x', { http2 } as ServeOptions);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
  throw new Error('it serves');
};

describe('the option http2', () => {
  it('refuses what means nothing', () => {
    expect(refusal('yes')).toBe('ERR_INVALID_ARG_TYPE');
    expect(refusal(null)).toBe('ERR_INVALID_ARG_TYPE');
    expect(refusal({ maxStreams: 1 })).toBe('ERR_UNKNOWN_OPTION');
    expect(refusal({ maxConcurrentStreams: 0 })).toBe('ERR_OUT_OF_RANGE');
    expect(refusal({ connectionWindow: 65534 })).toBe('ERR_OUT_OF_RANGE');
    expect(refusal({ streamWindow: 2 ** 31 })).toBe('ERR_OUT_OF_RANGE');
    expect(refusal({ controlFrames: '1' })).toBe('ERR_INVALID_ARG_TYPE');
  });

  it('is told to clients', async () => {
    const settings = async (options: ServeOptions): Promise<Record<number, number>> => {
      const raw = await Raw.open(start(() => 'x', options));
      const { payload } = (await raw.until(({ type, flags }) => type === Type.settings && (flags & ACK) === 0))!;
      return Object.fromEntries(Array.from({ length: payload.length / 6 }, (_, i) => [payload.readUInt16BE(6 * i), payload.readUInt32BE(6 * i + 2)]));
    };
    expect(await settings({ http2: true })).toEqual({ 3: 100, 4: 128 * 1024, 6: 16 * 1024, 8: 1, 9: 1 });
    const given = { http2: { maxConcurrentStreams: 7, streamWindow: 1000 }, limits: { headBytes: 3000 } };
    expect(await settings(given)).toEqual({ 3: 7, 4: 1000, 6: 3000, 8: 1, 9: 1 });
  });

  it('left out, a client that begins with HTTP/2 gets the answer of HTTP/1.1', async () => {
    const raw = await Raw.open(start(() => 'x'));
    let text = '';
    raw.socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    await raw.end();
    expect(text).toMatch(/^HTTP\/1\.1 505 /);
  });
});
