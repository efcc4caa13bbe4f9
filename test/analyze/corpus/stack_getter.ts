import { sleep } from 'stackful';

class Page {
  get text(): string {
    sleep(1);
    return 'text';
  }
}
console.log(new Page().text); // expect: wrong-stack
