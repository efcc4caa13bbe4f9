import { spawn } from 'stackful';
import { readFile } from 'stackful/fs';

function load(): string {
  return readFile('settings.json', 'utf8');
}
export const settings = await spawn(load);
