import { sleep } from 'stackful';

class Base {
  close(): void { sleep(1); }
}
class Derived extends Base {
  override close(): void { console.log('closed'); }
}
new Derived().close();
export const slow = (base: Base) => base.close;
