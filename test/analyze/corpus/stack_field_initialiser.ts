import { readFile } from 'stackful/fs';

class Settings {
  readonly text = readFile('settings.json', 'utf8');
}
export const settings = new Settings(); // expect: wrong-stack
