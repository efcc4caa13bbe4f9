import { connect, listen, readable, writable } from 'stackful/net';
import { describe, expect, it } from 'vitest';

import { after, Channel, Event, otherwise, select, sending, sleep, spawn, yieldNow } from 'stackful';

const withCode = (code: string) => expect.objectContaining({ code }) as never;

describe('select', () => {
  it('takes from the channel that has something, and from that one alone', async () => {
    const a = new Channel<number>(1);
    const b = new Channel<string>(1);
    await spawn(() => {
      b.send('x');
      expect(select({ a, b })).toEqual({ key: 'b', value: 'x', closed: false });
      spawn(() => { sleep(1); a.send(1); b.send('y'); });
      expect(select({ a, b })).toEqual({ key: 'a', value: 1, closed: false });
      expect(b.receive()).toBe('y');
    });
  });

  it('sends when there is a receiver', async () => {
    const out = new Channel<number>();
    const never = new Channel<number>();
    await spawn(() => {
      const receiver = spawn(() => { sleep(1); return out.receive(); });
      expect(select([never, sending(out, 7)])).toEqual({ key: 1, value: undefined, closed: false });
      expect(receiver.join()).toBe(7);
      expect(select({ out: sending(out, 8), otherwise })).toMatchObject({ key: 'otherwise' });
      spawn(() => { out.close(); });
      expect(() => select([sending(out, 9)])).toThrow(withCode('ERR_CHANNEL_CLOSED'));
      expect(() => select([sending(out, 9)])).toThrow(withCode('ERR_CHANNEL_CLOSED'));
    });
  });

  it('two selects meet on a channel', async () => {
    const channel = new Channel<number>();
    await spawn(() => {
      const sender = spawn(() => select({ sent: sending(channel, 1), received: channel }));
      const receiver = spawn(() => select({ sent: sending(channel, 2), received: channel }));
      const got = [sender.join(), receiver.join()].map(({ key, value }) => `${key} ${value}`).sort();
      expect([['received 1', 'sent undefined'], ['received 2', 'sent undefined']]).toContainEqual(got);
    });
  });

  it('tells the end of a channel', async () => {
    const channel = new Channel<number>();
    await spawn(() => {
      spawn(() => { channel.close(); });
      expect(select({ channel })).toEqual({ key: 'channel', value: undefined, closed: true });
      expect(select({ channel, otherwise })).toEqual({ key: 'channel', value: undefined, closed: true });
    });
  });

  it('waits for coroutines, promises, events and times', async () => {
    await spawn(() => {
      const never = new Channel();
      expect(select({ never, c: spawn(() => (sleep(1), 5)) })).toMatchObject({ key: 'c', value: 5 });
      expect(select({ never, p: new Promise((resolve) => setTimeout(resolve, 1, 6)) })).toMatchObject({ key: 'p', value: 6 });
      expect(() => select([never, spawn(() => { throw new Error('in coroutine'); })])).toThrow('in coroutine');
      expect(() => select([never, Promise.reject(new Error('in promise'))])).toThrow('in promise');
      const event = new Event();
      setTimeout(() => { event.set(); }, 1);
      expect(select([never, event])).toMatchObject({ key: 1 });
      const began = performance.now();
      expect(select({ never, long: after(10_000), short: after(2) })).toMatchObject({ key: 'short' });
      expect(performance.now() - began).toBeGreaterThanOrEqual(1.9);
      const done = spawn(() => 'done');
      done.join();
      expect(select([done, otherwise])).toMatchObject({ value: 'done' });
    });
  });

  it('limits a whole loop with one timer', async () => {
    await spawn(() => {
      const ticks = new Channel<number>();
      const ticker = spawn(() => { for (let i = 0; ; i++) { ticks.send(i); sleep(1); } });
      const limit = after(8);
      let count = 0;
      while (select({ ticks, limit }).key === 'ticks') count++;
      expect(count).toBeGreaterThan(0);
      ticker.cancel();
      expect(() => { ticker.join(); }).toThrow(withCode('ERR_CANCELLED'));
    });
  });

  it('does not add to a promise in every round', async () => {
    let callbacks = 0;
    const promise = new Promise(() => undefined);
    const counted = { then: (a: never, b: never) => { callbacks++; return promise.then(a, b); } } as unknown as PromiseLike<unknown>;
    await spawn(() => {
      for (let i = 0; i < 100; i++) select([counted, otherwise]);
    });
    expect(callbacks).toBe(1);
  });

  it('chooses among those that are ready without a favourite', async () => {
    const channels = Array.from({ length: 4 }, () => new Channel<number>(Infinity));
    await spawn(() => {
      for (let i = 0; i < 400; i++) for (const channel of channels) channel.send(i);
      const chosen = [0, 0, 0, 0];
      for (let i = 0; i < 400; i++) chosen[select(channels).key]!++;
      for (const count of chosen) expect(count).toBeGreaterThan(50);
    });
  });

  it('given up, has taken nothing and is in no queue', async () => {
    const a = new Channel<number>();
    const b = new Channel<number>();
    const stop = new AbortController();
    await spawn(() => {
      const one = spawn(() => select([a, sending(b, 2)]));
      const two = spawn(() => select([a], { signal: stop.signal }));
      // Joining the first may give way, so that the second ends before it is joined.
      two.then(undefined, () => undefined);
      yieldNow();
      one.cancel();
      stop.abort(new Error('enough'));
      expect(a.trySend(1)).toBe(false);
      expect(b.tryReceive()).toBe(undefined);
      expect(() => one.join()).toThrow(withCode('ERR_CANCELLED'));
      expect(() => two.join()).toThrow('enough');
      expect(() => select([a], { signal: stop.signal })).toThrow('enough');
      expect(a.trySend(1)).toBe(false);
    });
  });

  it('waits for sockets and listeners, next to other things', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.1' });
      const stop = new Channel();
      expect(select({ connection: readable(listener), otherwise }).key).toBe('otherwise');
      const client = spawn(() => {
        using socket = connect({ port: listener.address.port, host: '127.0.0.1' });
        sleep(2);
        socket.write('hello\nmore');
        sleep(2);
      });
      expect(select({ connection: readable(listener), stop }).key).toBe('connection');
      using socket = listener.accept();
      expect(select({ data: readable(socket), otherwise }).key).toBe('otherwise');
      expect(select({ room: writable(socket), data: readable(socket) }).key).toBe('room');
      expect(select({ data: readable(socket), late: after(10_000) }).key).toBe('data');
      expect(socket.readLine()).toBe('hello');
      // The socket has read it from the kernel already, no coroutine from the socket.
      expect(select({ data: readable(socket), otherwise }).key).toBe('data');
      expect(String(socket.read())).toBe('more');
      expect(select({ end: readable(socket), stop }).key).toBe('end');
      expect(socket.read()).toBe(null);
      client.join();
      expect(select([readable(listener), after(1)]).key).toBe(1);
      const waiting = spawn(() => select([readable(listener), stop]));
      yieldNow();
      listener.close();
      expect(() => waiting.join()).toThrow(withCode('ERR_SOCKET_CLOSED'));
      expect(() => readable({} as never)).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    });
  });

  it('leaves data that it did not choose to those who read', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.1' });
      using client = connect({ port: listener.address.port, host: '127.0.0.1' });
      using socket = listener.accept();
      const go = new Channel<number>();
      const selecting = spawn(() => select({ data: readable(socket), go }).key);
      const reading = spawn(() => String(socket.read()));
      yieldNow();
      client.write('x');
      expect(selecting.join()).toBe('data');
      expect(reading.join()).toBe('x');
    });
  });

  it('refuses what it cannot wait for', async () => {
    expect(() => select([otherwise])).toThrow(withCode('ERR_NOT_IN_COROUTINE'));
    expect(() => after(-1)).toThrow(withCode('ERR_OUT_OF_RANGE'));
    await spawn(() => {
      expect(() => select([])).toThrow(withCode('ERR_INVALID_ARG_VALUE'));
      expect(() => select({})).toThrow(withCode('ERR_INVALID_ARG_VALUE'));
      expect(() => select([5 as never])).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
      expect(() => select({ a: undefined as never })).toThrow(withCode('ERR_INVALID_ARG_TYPE'));
    });
  });

  it('says what it waits for', async () => {
    await spawn(() => {
      const channel = new Channel();
      const waiting = spawn(() => select([channel]));
      yieldNow();
      expect(waiting.parkedOn).toBe('select');
      channel.close();
      waiting.join();
    });
  });
});
