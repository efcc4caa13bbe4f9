import { readFile } from 'stackful/fs';

function load(): string {
  return readFile('settings.json', 'utf8');
}
export const settings = load(); // expect: wrong-stack
