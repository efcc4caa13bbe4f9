import { serve } from 'stackful/http';
import { writeFile } from 'stackful/fs';

class Account {
  balance = 100;
  withdraw(amount: number): boolean {
    if (this.balance < amount) return false;
    writeFile('log.txt', String(amount));
    this.balance -= amount; // expect: check-then-act
    return true;
  }
}
const account = new Account();
serve(() => String(account.withdraw(10)));
