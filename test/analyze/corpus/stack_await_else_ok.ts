import { sleep, spawn, wait } from 'stackful';

async function pause(async: boolean): Promise<void> {
  if (async) await null;
  else sleep(5);
}
spawn(() => wait(pause(false)));
