import { sleep, spawn } from 'stackful';

interface Store {
  load(): string;
}
class SlowStore implements Store {
  load(): string {
    sleep(10);
    return 'text';
  }
}
const use = (store: Store) => store.load();
console.log(await spawn(() => use(new SlowStore())));
