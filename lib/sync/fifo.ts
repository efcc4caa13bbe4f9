/** A first-in, first-out queue: a ring that doubles when it is full. */
export class Fifo<T> {
  length = 0;
  private first = 0;
  private ring: (T | undefined)[] = [undefined];

  push(item: T): void {
    if (this.length === this.ring.length) this.grow();
    this.ring[(this.first + this.length++) & (this.ring.length - 1)] = item;
  }

  /** The oldest item. There must be one. */
  shift(): T {
    const item = this.ring[this.first] as T;
    this.ring[this.first] = undefined;
    this.first = (this.first + 1) & (this.ring.length - 1);
    this.length--;
    return item;
  }

  private grow(): void {
    const { ring, first } = this;
    this.ring = ring.slice(first).concat(ring.slice(0, first), new Array<undefined>(ring.length).fill(undefined));
    this.first = 0;
  }
}
