import { current } from 'stackful';
import { stat } from 'stackful/fs';

function sizeOf(path: string): number {
  if (current()) return 0;
  return stat(path).size;
}
console.log(sizeOf('a')); // expect: wrong-stack
