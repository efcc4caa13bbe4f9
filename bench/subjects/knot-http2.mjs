// knot-http2.mjs PORT [KEY CERT]: this package over HTTP/2, with TLS 1.3 where there is a key.
import { readFileSync } from 'node:fs';
import { serve } from 'stackful/http';

const [port, key, cert] = process.argv.slice(2);
const tls = key && { tls: { key: readFileSync(key), cert: readFileSync(cert), minVersion: 'TLSv1.3' } };
serve(() => 'Hello, World!\n', { port: Number(port), host: '127.0.0.1', http2: true, ...tls });
