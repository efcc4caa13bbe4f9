import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { BenchError } from './bench.js';
import { cacheDirectory } from './cache.js';
import { installed } from './process.js';

/** A key (P-256) and a certificate of its own, as the paths of files. */
export function credentials(bench: string): [key: string, cert: string] {
  if (!installed('openssl')) throw new BenchError(`the ${bench} bench needs openssl: apt-get install openssl`);
  const directory = cacheDirectory('tls');
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30', '-subj', '/CN=localhost'];
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return [key, cert];
}
