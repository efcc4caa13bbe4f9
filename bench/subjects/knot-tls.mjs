// knot-tls.mjs PORT KEY CERT: the server of this package, over TLS. SIGUSR2: collects garbage, for figures of memory.
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { serve } from 'stackful/http';

const [port, key, cert] = process.argv.slice(2);
setFlagsFromString('--expose-gc');
process.on('SIGUSR2', runInNewContext('gc'));
const limits = { idleMs: 3_600_000 };
const tls = { key: readFileSync(key), cert: readFileSync(cert) };
serve(() => 'Hello, World!\n', { port: Number(port), host: '127.0.0.1', limits, tls });
