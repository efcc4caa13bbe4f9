import { describe, expect, it } from 'vitest';

import { coroutines, sleep, spawn, timeout } from 'stackful';
import { connect, listen, type LookupFunction } from 'stackful/net';

import { failing, thrown } from './peers.js';

/** A listener whose backlog is full: the system answers no further request to connect. */
function silent(host: string, port = 0) {
  const listener = listen({ port, host, backlog: 0 });
  const filling = Array.from({ length: 3 }, () => {
    try {
      return timeout(30, () => connect({ port: listener.address.port, host }));
    } catch {
      return undefined;
    }
  });
  return {
    port: listener.address.port,
    [Symbol.dispose]() {
      for (const one of filling) one?.close();
      listener.close();
    },
  };
}

/** A lookup that finds these addresses. */
const finds = (...addresses: string[]): LookupFunction => (_, options, callback) => {
  expect(options.all).toBe(true);
  setImmediate(callback, null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
};

const dialling = () => coroutines().map((one) => one.name).filter((name) => name.startsWith('connect '));

describe('a host with several addresses', () => {
  it('is connected to by the next one, while the first does not answer', async () => {
    await spawn(() => {
      using dead = silent('127.0.0.2');
      using listener = listen({ port: dead.port, host: '127.0.0.3' });
      using socket = connect({
        port: dead.port, host: 'several', lookup: finds('127.0.0.2', '127.0.0.3'), autoSelectFamilyAttemptTimeout: 20,
      });
      expect(socket.remoteAddress).toBe('127.0.0.3');
      listener.accept().close();
      expect(dialling()).toEqual([]);
    });
  });

  it('is not given up when the slow one answers after all', async () => {
    await spawn(() => {
      using dead = silent('127.0.0.2');
      const late = spawn(() => {
        sleep(60);
        return listen({ port: dead.port, host: '127.0.0.4' });
      });
      // Two do not answer, the last refuses: the call waits for what is left.
      const error = thrown(() => timeout(150, () => connect({
        port: dead.port, host: 'several', lookup: finds('127.0.0.2', '127.0.0.5'), autoSelectFamilyAttemptTimeout: 10,
      })));
      expect(error.code).toBe('ERR_TIMEOUT');
      expect(dialling()).toEqual([]);
      late.join().close();
    });
  });

  it('is tried at once at the next address when one refuses', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.9' });
      const lookup = finds('127.0.0.5', '127.0.0.6', '127.0.0.9');
      using socket = timeout(5000, () => connect({
        port: listener.address.port, host: 'several', lookup, autoSelectFamilyAttemptTimeout: 60_000,
      }));
      expect(socket.remoteAddress).toBe('127.0.0.9');
    });
  });

  it('is tried at addresses of IPv6 and IPv4 in turn; all failures are told, in that order', async () => {
    await spawn(() => {
      using free = listen({ port: 0, host: '127.0.0.1' });
      const { port } = free.address;
      free.close();
      const lookup = finds('127.0.0.1', '127.0.0.2', '127.0.0.3', '::1');
      const error = thrown(() => connect({ port, host: 'several', lookup }));
      expect(error).toBeInstanceOf(AggregateError);
      expect(error.code).toBe('ECONNREFUSED');
      expect(error.errors.map((one: { address: string }) => one.address)).toEqual(['127.0.0.1', '::1', '127.0.0.2', '127.0.0.3']);
      const first = thrown(() => connect({ port, host: 'several', lookup, autoSelectFamily: false }));
      expect(first).toMatchObject({ code: 'ECONNREFUSED', address: '127.0.0.1', port });
    });
  });

  it('is given up on cancellation, with all its attempts', async () => {
    await spawn(() => {
      using dead = silent('127.0.0.2');
      const call = failing(() => connect({
        port: dead.port, host: 'several', lookup: finds('127.0.0.2', '127.0.0.2'), autoSelectFamilyAttemptTimeout: 10,
      }));
      while (dialling().length < 2) sleep(1);
      expect(coroutines().find((one) => one.name === 'connect 127.0.0.2')!.parkedOn).toMatch(/^socket\.connect fd=/);
      call.cancel();
      expect(call.join().code).toBe('ERR_CANCELLED');
      expect(dialling()).toEqual([]);
    });
  });
});

describe('a lookup of one\'s own', () => {
  it('may give one address, an error, or nonsense', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.1' });
      const { port } = listener.address;
      const lookup: LookupFunction = (hostname, options, callback) => {
        expect([hostname, options.family, options.hints]).toEqual(['name', 4, 1]);
        callback(null, '127.0.0.1', 4);
      };
      using socket = connect({ port, host: 'name', lookup, family: 4, hints: 1 });
      expect(socket.remoteAddress).toBe('127.0.0.1');
      const failure = Object.assign(new Error('of its own'), { code: 'EOWN' });
      const fails: LookupFunction = (_, __, callback) => { callback(failure, []); };
      expect(thrown(() => connect({ port, host: 'name', lookup: fails }))).toBe(failure);
      for (const nonsense of [finds('nonsense'), finds()]) {
        expect(thrown(() => connect({ port, host: 'name', lookup: nonsense })).code).toBe('ERR_INVALID_IP_ADDRESS');
      }
    });
  });

  it('is not asked for a numeric address; `family` chooses among those of a name', async () => {
    await spawn(() => {
      using listener = listen({ port: 0, host: '127.0.0.1' });
      const { port } = listener.address;
      const never: LookupFunction = () => { throw new Error('asked'); };
      connect({ port, host: '127.0.0.1', lookup: never }).close();
      using four = connect({ port, host: 'localhost', family: 4 });
      expect(four.remoteFamily).toBe('IPv4');
    });
  });
});
