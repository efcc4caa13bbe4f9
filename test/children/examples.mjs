// Runs the modules in a directory, one after the other, in another directory, and prints as JSON what each has printed.
import { readdirSync } from 'node:fs';
import { format } from 'node:util';
import { pathToFileURL } from 'node:url';

const [, , directory, files] = process.argv;
process.chdir(files);
const print = console.log;
const printed = {};
for (const name of readdirSync(directory).sort()) {
  const lines = (printed[name] = []);
  console.log = (...values) => void lines.push(format(...values));
  await import(pathToFileURL(`${directory}/${name}`)).catch((error) => lines.push(error.stack));
}
print(JSON.stringify(printed));
