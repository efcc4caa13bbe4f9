import { sleep, spawn, wait } from 'stackful';

export function inCoroutine(branch) {
  return spawn(function body() {
    sleep(0.5);
    if (branch) return wait(Promise.resolve('taken'));
    return 'not taken';
  });
}
