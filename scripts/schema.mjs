// node scripts/schema.mjs, after tsc
//
// Writes dist/schema/, a JSON Schema for the configuration file of each command that takes one.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { schemaOf } from '../dist/cli/schema.js';
import { PROXY, SERVE } from '../dist/cli/tables.js';
import { root } from './addon.mjs';

const directory = join(root, 'dist/schema');
mkdirSync(directory, { recursive: true });
for (const [name, table] of Object.entries({ serve: SERVE, proxy: PROXY })) {
  const schema = schemaOf(`stackful ${name} --config`, table);
  writeFileSync(join(directory, `${name}.json`), `${JSON.stringify(schema, undefined, 2)}\n`);
}
