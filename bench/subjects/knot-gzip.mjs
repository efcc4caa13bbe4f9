// knot-gzip.mjs PORT: JSON of 20 KiB, compressed for clients that accept it.
import { compress, serve } from 'stackful/http';
import { accountRows, LEVEL } from '../support/account-rows.mjs';

const handler = compress(() => accountRows(), { levels: { gzip: LEVEL } });
serve(handler, { port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
