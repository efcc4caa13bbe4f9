import { readFile } from 'stackful/fs';

class Settings {
  private readonly text: string;
  constructor() {
    this.text = readFile('settings.json', 'utf8');
  }
  get length(): number { return this.text.length; }
}
export const settings = new Settings(); // expect: wrong-stack
