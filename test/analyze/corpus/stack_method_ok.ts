import { Channel } from 'stackful';

class Queue {
  private readonly channel = new Channel<number>(1);
  put(n: number): boolean {
    return this.channel.trySend(n);
  }
}
console.log(new Queue().put(1));
