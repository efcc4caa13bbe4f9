import { Mutex, spawn } from 'stackful';

class Node {
  private readonly mutex = new Mutex();
  constructor(private readonly next: Node | undefined) {}
  length(): number {
    using _lock = this.mutex.lock();
    return 1 + (this.next?.length() ?? 0);
  }
}
const list = new Node(new Node(undefined));
spawn(() => list.length()); // expect: stack-bound
