import { Mutex, spawn } from 'stackful';

class Store {
  private readonly mutex = new Mutex();
  size(): number {
    using _lock = this.mutex.lock();
    return 1;
  }
  isEmpty(): boolean {
    using _lock = this.mutex.lock();
    return this.size() === 0; // expect: lock-recursive
  }
}
const store = new Store();
spawn(() => store.isEmpty());
