import { sleep, spawn } from 'stackful';

async function load(): Promise<number> {
  await null;
  return spawn(() => (sleep(5), 1));
}
void load();
