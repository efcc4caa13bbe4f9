/** Random numbers that a seed repeats: xorshift32, with a multiplicative hash so that neighbouring seeds part at once. */
export class Random {
  private state: number;

  constructor(seed: number) {
    let mixed = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
    mixed ^= mixed >>> 13;
    mixed = Math.imul(mixed, 0xc2b2ae35);
    this.state = (mixed ^ (mixed >>> 16)) || 1;
  }

  /** A whole number from 0 up to, but not including, `end`. */
  below(end: number): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return (x >>> 0) % end;
  }

  oneOf<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}
