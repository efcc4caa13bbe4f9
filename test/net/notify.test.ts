import { afterEach, describe, expect, it } from 'vitest';
import { notifySystemd } from 'stackful/net';

const { NOTIFY_SOCKET } = process.env;
afterEach(() => {
  if (NOTIFY_SOCKET === undefined) Reflect.deleteProperty(process.env, 'NOTIFY_SOCKET');
  else process.env.NOTIFY_SOCKET = NOTIFY_SOCKET;
});

// What arrives: test/cli/systemd.test.ts and test/native/net_datagram_test.cc.
describe('notifySystemd', () => {
  it('does nothing without a service manager', () => {
    Reflect.deleteProperty(process.env, 'NOTIFY_SOCKET');
    expect(notifySystemd('READY=1')).toBe(false);
    process.env.NOTIFY_SOCKET = '';
    expect(notifySystemd('READY=1')).toBe(false);
  });

  it('throws where nobody listens', () => {
    process.env.NOTIFY_SOCKET = '@stackful-test-nobody';
    expect(() => notifySystemd('READY=1')).toThrow(expect.objectContaining({ code: 'ECONNREFUSED', address: '@stackful-test-nobody' }));
    process.env.NOTIFY_SOCKET = '/nonexistent/notify';
    expect(() => notifySystemd('READY=1')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    process.env.NOTIFY_SOCKET = `/${'x'.repeat(200)}`;
    expect(() => notifySystemd('READY=1')).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
  });

  it.each(['READY', 'ready=1', 'STATUS=two\nlines', 3])('refuses %j, with or without a service manager', (state) => {
    Reflect.deleteProperty(process.env, 'NOTIFY_SOCKET');
    expect(() => notifySystemd(state as string)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }));
  });
});
