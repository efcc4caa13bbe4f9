import { describe, expect, it } from 'vitest';

import { Channel, sleep, spawn, yieldNow } from 'stackful';

const withCode = (code: string) => expect.objectContaining({ code }) as never;

describe('Channel', () => {
  it('without capacity, holds the sender until a receiver has the value', async () => {
    const channel = new Channel<number>();
    await spawn(() => {
      let sent = 0;
      spawn(() => { for (let i = 1; i <= 3; i++) { channel.send(i); sent = i; } });
      yieldNow();
      expect(sent).toBe(0);
      expect(channel.receive()).toBe(1);
      yieldNow();
      expect(sent).toBe(1);
      expect([channel.receive(), channel.receive()]).toEqual([2, 3]);
    });
  });

  it('keeps as many values as it has capacity, in order', async () => {
    const channel = new Channel<number>(3);
    await spawn(() => {
      const sender = spawn(() => { for (let i = 0; i < 10; i++) channel.send(i); channel.close(); });
      yieldNow();
      expect(channel.length).toBe(3);
      expect(sender.parkedOn).toBe('channel.send');
      expect([...channel]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(channel.length).toBe(0);
    });
  });

  it('with infinite capacity never holds a sender', () => {
    const channel = new Channel<number>(Infinity);
    for (let i = 0; i < 1000; i++) expect(channel.trySend(i)).toBe(true);
    for (let i = 0; i < 1000; i++) expect(channel.tryReceive()).toEqual({ value: i });
    expect(channel.tryReceive()).toBe(undefined);
  });

  it('serves receivers in the order in which they came', async () => {
    const channel = new Channel<string>();
    const got: string[] = [];
    const receivers = [1, 2, 3].map((n) => spawn(() => { got.push(`${n}${channel.receive()}`); }));
    await spawn(() => { for (const value of 'abc') channel.send(value); });
    await Promise.all(receivers);
    expect(got).toEqual(['1a', '2b', '3c']);
  });

  it('takes undefined like any other value', async () => {
    const channel = new Channel<undefined>(2);
    await spawn(() => {
      channel.send(undefined);
      channel.send(undefined);
      channel.close();
      expect([...channel]).toEqual([undefined, undefined]);
    });
  });

  it('closed, gives what is in it and then tells receivers; senders that wait are told at once', async () => {
    const channel = new Channel<number>(1);
    await spawn(() => {
      channel.send(1);
      const sender = spawn(() => { channel.send(2); });
      yieldNow();
      channel.close();
      channel.close();
      expect(channel.closed).toBe(true);
      expect(() => { sender.join(); }).toThrow(withCode('ERR_CHANNEL_CLOSED'));
      expect(() => { channel.send(3); }).toThrow(withCode('ERR_CHANNEL_CLOSED'));
      expect(() => { channel.trySend(3); }).toThrow(withCode('ERR_CHANNEL_CLOSED'));
      expect(channel.receive()).toBe(1);
      expect(() => channel.receive()).toThrow(withCode('ERR_CHANNEL_CLOSED'));
      expect(channel.tryReceive()).toBe(undefined);
    });
    const waiting = new Channel<number>();
    const receiver = spawn(() => waiting.receive());
    const loop = spawn(() => { for (const _ of waiting) throw new Error('nothing was sent'); return 'ended'; });
    setTimeout(() => { waiting.close(); }, 1);
    await expect(receiver).rejects.toMatchObject({ code: 'ERR_CHANNEL_CLOSED' });
    expect(await loop).toBe('ended');
  });

  it('given up by a signal or by cancellation, neither sends nor takes anything', async () => {
    const channel = new Channel<string>();
    await spawn(() => {
      const stop = new AbortController();
      const sender = spawn(() => { channel.send('lost', { signal: stop.signal }); });
      const receiver = spawn(() => other.receive());
      const other = new Channel<string>();
      yieldNow();
      stop.abort(new Error('enough'));
      receiver.cancel();
      // Both are cancelled but have not run since.
      expect(channel.tryReceive()).toBe(undefined);
      expect(other.trySend('x')).toBe(false);
      expect(() => { sender.join(); }).toThrow('enough');
      expect(() => { receiver.join(); }).toThrow(withCode('ERR_CANCELLED'));
      expect(() => { channel.send('y', { signal: stop.signal }); }).toThrow('enough');
    });
  });

  it('a receiver that has been handed a value keeps it when it is cancelled before it runs', async () => {
    const channel = new Channel<string>();
    await spawn(() => {
      const receiver = spawn(() => channel.receive());
      yieldNow();
      channel.send('safe');
      receiver.cancel();
      expect(receiver.join()).toBe('safe');
    });
  });

  it('can be fed from callbacks', async () => {
    const channel = new Channel<number>(Infinity);
    const received = spawn(() => [channel.receive(), channel.receive()]);
    setTimeout(() => { channel.trySend(1); channel.trySend(2); }, 1);
    expect(await received).toEqual([1, 2]);
  });

  it('refuses bad capacities, and waiting on the main stack', async () => {
    for (const capacity of [-1, 1.5, NaN]) {
      expect(() => new Channel(capacity)).toThrow(withCode('ERR_OUT_OF_RANGE'));
    }
    expect(() => new Channel('1' as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    const channel = new Channel<number>(1);
    expect(() => { channel.send(1); }).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    expect(() => channel.receive()).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    expect(() => [...channel]).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    await spawn(() => { sleep(0); });
  });
});
