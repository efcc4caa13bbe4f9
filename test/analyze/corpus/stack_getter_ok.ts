import { sleep, spawn } from 'stackful';

class Page {
  get text(): string {
    sleep(1);
    return 'text';
  }
}
const page = new Page();
console.log(await spawn(() => page.text));
