import { Channel } from 'stackful';

class Queue {
  private readonly channel = new Channel<number>(1);
  put(n: number): void {
    this.channel.send(n);
  }
}
new Queue().put(1); // expect: wrong-stack
