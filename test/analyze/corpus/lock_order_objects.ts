import { Mutex, sleep, spawn } from 'stackful';

class Account {
  readonly mutex = new Mutex();
  balance = 0;
}
function transfer(from: Account, to: Account, amount: number): void {
  using _from = from.mutex.lock();
  using _to = to.mutex.lock(); // expect: lock-order
  sleep(1);
  from.balance -= amount;
  to.balance += amount;
}
const [a, b] = [new Account(), new Account()];
spawn(() => transfer(a, b, 1));
spawn(() => transfer(b, a, 1));
