// knot-tls.mjs PORT KEY CERT: this package over TLS 1.3, without resumption. SIGUSR2: collects garbage, for figures of memory.
import { constants } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { serve } from 'stackful/http';

const [port, key, cert] = process.argv.slice(2);
setFlagsFromString('--expose-gc');
process.on('SIGUSR2', runInNewContext('gc'));
const limits = { idleMs: 3_600_000 };
const tls = { key: readFileSync(key), cert: readFileSync(cert), minVersion: 'TLSv1.3', secureOptions: constants.SSL_OP_NO_TICKET };
serve(() => 'Hello, World!\n', { port: Number(port), host: '127.0.0.1', limits, tls });
