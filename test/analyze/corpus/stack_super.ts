import { sleep } from 'stackful';

class Base {
  close(): void { sleep(1); }
}
class Derived extends Base {
  override close(): void {
    super.close();
  }
}
new Derived().close(); // expect: wrong-stack
