import { spawn, wait, yieldNow } from 'stackful';

async function all(urls: string[]): Promise<void> {
  for (const url of urls) {
    yieldNow(); // expect: wrong-stack
    await fetch(url);
  }
}
spawn(() => wait(all(['http://127.0.0.1/'])));
