import { expect, it } from 'vitest';

import {
  after,
  Barrier,
  Channel,
  Condition,
  configure,
  coroutines,
  dump,
  Event,
  Mutex,
  ReadWriteLock,
  scope,
  select,
  Semaphore,
  simulate,
  spawn,
  wait,
  WaitGroup,
  waitCallback,
  waitOnce,
} from 'stackful';
import { inspect } from 'stackful/inspect';
import { connect, listen } from 'stackful/net';

/** The error of `call`, which must not have begun anything. */
function refusal(call: () => unknown): { code?: string; message: string } {
  const before = coroutines().length;
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    expect(coroutines().length).toBe(before);
    return error as Error;
  }
  throw new Error('it was taken');
}

const nothing = () => undefined;
const outside: [string, () => unknown, RegExp][] = [
  ['spawn', () => spawn(nothing, { stacksize: 1 << 20 } as never), /^spawn has no option 'stacksize': did you mean 'stackSize'\?$/],
  ['configure', () => { configure({ stackMem: 5 } as never); }, /^configure has no option 'stackMem': did you mean 'stackMemory'\?$/],
  ['configure: watchdog', () => { configure({ watchdog: { limits: 5 } as never }); }, /'limits': did you mean 'limit'\?$/],
  ['listen', () => listen({ port: 0, queue: 1 } as never), /^listen has no option 'queue': there are port, host, path, backlog, reusePort, /],
  ['connect', () => connect({ port: 1, patience: 5 } as never), /^connect has no option 'patience': there are port, host, path, signal, /],
  ['inspect', () => inspect({ prot: 5 } as never), /did you mean 'port'\?$/],
  ['dump', () => dump({ limits: 5 } as never), /did you mean 'limit'\?$/],
  ['simulate', () => simulate({ seeeds: 5 } as never, nothing), /did you mean 'seeds'\?$/],
  ['simulate: cancel', () => simulate({ cancel: { name: 'a', at: 1, wen: 'woken' } as never }, nothing), /'wen': did you mean 'when'\?$/],
  ['Mutex', () => new Mutex({ nam: 'x' } as never), /^Mutex has no option 'nam': did you mean 'name'\?$/],
  ['Semaphore', () => new Semaphore(1, { fair: true } as never), /^Semaphore has no option 'fair': there are name$/],
  ['ReadWriteLock', () => new ReadWriteLock({ x: 1 } as never), /^ReadWriteLock has/],
  ['Condition', () => new Condition(new Mutex(), { x: 1 } as never), /^Condition has/],
  ['Event', () => new Event({ x: 1 } as never), /^Event has/],
  ['WaitGroup', () => new WaitGroup({ x: 1 } as never), /^WaitGroup has/],
  ['Barrier', () => new Barrier(1, { x: 1 } as never), /^Barrier has/],
  ['Channel', () => new Channel(1, { x: 1 } as never), /^Channel has/],
];
const timeout = { timeout: 5 } as never;
const inside: [string, () => unknown, RegExp][] = [
  ['scope', () => scope((s) => s.spawn(nothing, { Name: 'x' } as never)), /^spawn has no option 'Name': did you mean 'name'\?$/],
  ['lock', () => new Mutex().lock(timeout), /^mutex\.lock has no option 'timeout': there are signal$/],
  ['acquire', () => { new Semaphore(1).acquire(1, timeout); }, /^semaphore\.acquire has/],
  ['select', () => select({ a: after(5) }, timeout), /^select has/],
  ['join', () => spawn(nothing).join(timeout), /^join has/],
  ['wait', () => wait(new Promise(() => undefined), { abandon: nothing } as never), /^wait has no option 'abandon': did you mean 'abandoned'\?$/],
  ['waitOnce', () => waitOnce(new EventTarget(), 'x', timeout), /^waitOnce has/],
  ['waitCallback', () => waitCallback(() => { throw new Error('begun'); }, timeout), /^waitCallback has/],
];

it.each(outside)('an option that %s does not know is refused', (_, call, message) => {
  expect(refusal(call)).toMatchObject({ code: 'ERR_UNKNOWN_OPTION', message: expect.stringMatching(message) });
});

it.each(inside)('an option that %s does not know is refused, in a coroutine', async (name, call, message) => {
  const error = await spawn(() => (name === 'join' ? spawn(call).then(() => { throw new Error('it was taken'); }, (e: unknown) => e) : refusal(call)));
  expect(error).toMatchObject({ code: 'ERR_UNKNOWN_OPTION', message: expect.stringMatching(message) });
});

it('of a socket call, too', async () => {
  await spawn(() => {
    const listener = listen({ port: 0, host: '127.0.0.1' });
    const { port } = listener.address;
    const socket = connect({ port, host: '127.0.0.1' });
    expect(refusal(() => socket.read(10, timeout)).message).toMatch(/^socket\.read has no option 'timeout'/);
    expect(refusal(() => socket.readLine({ limits: 5 } as never)).message).toMatch(/did you mean 'limit'\?$/);
    expect(refusal(() => { socket.write('x', timeout); }).message).toMatch(/^socket\.write has/);
    expect(refusal(() => listener.accept(timeout)).message).toMatch(/^listener\.accept has/);
    socket.close();
    listener.close();
  });
});

it('one that is undefined counts as absent, and options have to be an object', async () => {
  expect(await spawn(() => 1, { priorty: undefined } as never)).toBe(1);
  expect(new Mutex({ other: undefined } as never).locked).toBe(false);
  expect(refusal(() => new Mutex('name' as never)).code).toBe('ERR_INVALID_ARG_TYPE');
  expect(refusal(() => new Mutex({ name: 5 as never })).code).toBe('ERR_INVALID_ARG_TYPE');
});
