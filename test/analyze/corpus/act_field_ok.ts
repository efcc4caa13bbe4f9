import { serve } from 'stackful/http';
import { writeFile } from 'stackful/fs';

class Account {
  balance = 100;
  withdraw(amount: number): boolean {
    if (this.balance < amount) return false;
    this.balance -= amount;
    writeFile('log.txt', String(amount));
    return true;
  }
}
const account = new Account();
serve(() => String(account.withdraw(10)));
