import type { Profiler, Session } from 'node:inspector';
import { createRequire } from 'node:module';

import { waitCallback } from '../async/wait_callback.js';
import { sleep } from '../coroutine/sleep.js';
import { Mutex } from '../sync/mutex.js';
import { flameOfProfile } from './flame.js';
import type { Flame } from './wire.js';

/** One profile at a time: V8 has one profiler in a thread. */
const profiling = new Mutex({ name: 'profiler of the inspector' });

/** Where this thread's code runs for `ms` milliseconds, as V8's CPU profiler sees it. Parks. */
export function profile(ms: number): Flame {
  using lock = profiling.lock();
  void lock;
  // Loaded when it is needed: a Node may have been built without it.
  const inspector = createRequire(import.meta.url)('node:inspector') as { Session: new () => Session };
  const session = new inspector.Session();
  session.connect();
  try {
    const post = <T>(method: string) => waitCallback<T>((done) => { session.post(method, done as never); });
    post('Profiler.enable');
    post('Profiler.start');
    sleep(ms);
    const { profile: result } = post<Profiler.StopReturnType>('Profiler.stop');
    return flameOfProfile(result);
  } finally {
    // Also stops the profiler, when the viewer has left.
    session.disconnect();
  }
}
