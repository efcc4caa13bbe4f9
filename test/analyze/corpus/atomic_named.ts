import { atomic, spawn, yieldNow } from 'stackful';

function change(): void {
  yieldNow();
}
spawn(() => atomic(change)); // expect: atomic-parks
