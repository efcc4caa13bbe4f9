// What a thread of philosophers.mjs runs.
import { sleep } from 'stackful';
import { self } from 'stackful/threads';

export default function philosopher({ first, second, meals }) {
  for (let meal = 0; meal < meals; meal++) {
    first.withLock(() => second.withLock(() => sleep(1))); // eats
    sleep(1); // thinks
  }
  return `${self().name} has had ${meals} meals`;
}
