import { Condition, Mutex, spawn } from 'stackful';

const queue: string[] = [];
const mutex = new Mutex();
const changed = new Condition(mutex);
const take = (): string | undefined => mutex.withLock(() => {
  while (queue.length === 0) changed.wait();
  return queue.shift();
});
spawn(take);
spawn(take);
