import { Mutex, sleep, spawn } from 'stackful';

class Account {
  readonly mutex = new Mutex();
  balance = 0;
  constructor(readonly id: number) {}
}
function transfer(from: Account, to: Account, amount: number): void {
  const [first, second] = from.id < to.id ? [from, to] : [to, from];
  using _first = first.mutex.lock();
  using _second = second.mutex.lock();
  sleep(1);
  from.balance -= amount;
  to.balance += amount;
}
const [a, b] = [new Account(1), new Account(2)];
spawn(() => transfer(a, b, 1));
spawn(() => transfer(b, a, 1));
