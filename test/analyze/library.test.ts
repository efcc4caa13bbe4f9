import { describe, expect, it } from 'vitest';

import { effectOf, parkingIn, parkingOf } from '../../lib/analyze/library.js';
import { publicFunctions } from '../support/public_functions.js';

describe('what the analysis knows of the library', () => {
  const all = publicFunctions();

  it('says of each public function that takes a function what becomes of that', () => {
    const takes = all.filter(({ declaration, checker }) => declaration.parameters.some((parameter) =>
      checker.getNonNullableType(checker.getTypeAtLocation(parameter)).getCallSignatures().length > 0));
    expect(takes.length).toBeGreaterThan(20);
    const errors = takes.filter(({ name }) => /Error\.constructor$/.test(name));
    expect(takes.filter((one) => !errors.includes(one) && !effectOf(one.name)).map(({ name }) => name).sort()).toEqual([]);
  });

  it('reads from the comments which park', () => {
    const certaintyOf = (wanted: string) => {
      const [first] = all.filter(({ name }) => name === wanted).flatMap(({ declaration, checker }) => parkingOf(declaration, checker) ?? []);
      return first && `${first.certainty}${first.steps ? ', each step' : ''}`;
    };
    expect(all.filter(({ declaration, checker }) => parkingOf(declaration, checker)).length).toBeGreaterThan(120);
    expect(['sleep', 'wait', 'Coroutine.join', 'Mutex.lock', 'Channel.send', 'Socket.read', 'TlsSocket.read', 'readFile'].map(certaintyOf))
      .toEqual(Array.from({ length: 8 }, () => 'always'));
    expect(['every', 'waitEach', 'watch'].map(certaintyOf)).toEqual(Array.from({ length: 3 }, () => 'always, each step'));
    expect(['atomic', 'shield', 'Mutex.tryLock', 'Mutex.unlock', 'Listener.close'].map(certaintyOf)).toEqual(Array.from({ length: 5 }));
    expect(['listen', 'UdpSocket.bind'].map(certaintyOf)).toEqual(['only', 'only']);
    expect(certaintyOf('close')).toBe('able');
  });

  it('takes no other sentence for that', () => {
    expect(parkingIn('`fn` runs when the caller parks. Code that does not park is not interrupted.')).toBeUndefined();
    expect(parkingIn('Sends. Never parks.')).toBeUndefined();
    expect(parkingIn('Waits for an event. Parks.')).toEqual({ certainty: 'always', steps: false });
  });
});
