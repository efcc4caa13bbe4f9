import { EventEmitter, getEventListeners } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';

import { dump, EmitterClosedError, NotInCoroutineError, spawn, timeout, TimeoutError, waitOnce } from 'stackful';

describe('waitOnce', () => {
  it('returns the arguments of the event, and leaves no listener', async () => {
    const emitter = new EventEmitter();
    await spawn(() => {
      setImmediate(() => emitter.emit('go', 1, 'two'));
      expect(waitOnce(emitter, 'go')).toEqual([1, 'two']);
      setImmediate(() => emitter.emit('error', new Error('wanted')));
      expect(waitOnce(emitter, 'error')).toEqual([new Error('wanted')]);
      setImmediate(() => emitter.emit('error', new Error('unwanted')));
      expect(() => waitOnce(emitter, 'go')).toThrow('unwanted');
      expect(() => timeout(1, () => waitOnce(emitter, 'go'))).toThrow(TimeoutError);
      const controller = new AbortController();
      setImmediate(() => { controller.abort(new Error('enough')); });
      expect(() => waitOnce(emitter, 'go', { signal: controller.signal })).toThrow('enough');
      expect(() => waitOnce(emitter, 'go', { signal: controller.signal })).toThrow('enough');
    });
    expect(emitter.eventNames()).toEqual([]);
  });

  it('ends when the emitter is closed, and does not begin with a stream that is', async () => {
    const emitter = new EventEmitter();
    await spawn(() => {
      setImmediate(() => emitter.emit('close'));
      expect(() => waitOnce(emitter, 'go')).toThrow(EmitterClosedError);
      setImmediate(() => emitter.emit('close', 'wanted'));
      expect(waitOnce(emitter, 'close')).toEqual(['wanted']);
      const target = new EventTarget();
      setImmediate(() => target.dispatchEvent(new Event('close')));
      expect(() => waitOnce(target, 'message')).toThrow(EmitterClosedError);
      expect(getEventListeners(target, 'close')).toEqual([]);

      const stream = new PassThrough();
      stream.destroy();
      waitOnce(stream, 'close');
      expect(() => waitOnce(stream, 'drain')).toThrow(
        expect.objectContaining({ code: 'ERR_EMITTER_CLOSED', message: "waitOnce: the PassThrough was closed before it emitted 'drain'" }),
      );
      expect(stream.listenerCount('drain')).toBe(0);
    });
    expect(emitter.eventNames()).toEqual([]);
  });

  it('for a response whose client has left ends', async () => {
    let outcome: unknown;
    const handled = new Promise<void>((resolve) => {
      const server = createServer((_, response) => {
        spawn(() => {
          try {
            for (;;) if (!response.write(Buffer.alloc(1 << 20))) waitOnce(response, 'drain');
          } catch (error) {
            outcome = error;
          } finally {
            server.close();
            resolve();
          }
        });
      });
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as AddressInfo;
        const client = connect(port, '127.0.0.1', () => {
          client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
          client.once('data', () => client.resetAndDestroy());
        });
      });
    });
    await handled;
    expect(outcome).toMatchObject({ code: 'ERR_EMITTER_CLOSED' });
  });

  it('says what it waits for', async () => {
    const emitter = new EventEmitter();
    const waiting = spawn(() => waitOnce(emitter, Symbol('go')));
    let seen: string | undefined;
    await spawn(() => { seen = waiting.parkedOn; });
    expect(seen).toBe('waitOnce Symbol(go) of EventEmitter');
    expect(dump()).toContain('parked on waitOnce Symbol(go) of EventEmitter');
    waiting.cancel();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    expect(waiting.parkedOn).toBeUndefined();
  });

  it('takes event targets, and refuses the rest', async () => {
    const target = new EventTarget();
    await spawn(() => {
      setImmediate(() => target.dispatchEvent(new Event('go')));
      expect((waitOnce(target, 'go')[0] as Event).type).toBe('go');
      expect(getEventListeners(target, 'go')).toEqual([]);
      expect(() => waitOnce({} as never, 'go')).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }));
    });
    expect(() => waitOnce(target, 'go')).toThrow(NotInCoroutineError);
  });
});
