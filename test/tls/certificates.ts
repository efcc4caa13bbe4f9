// An authority of the test's own, and what it has signed: made by the program openssl, once for each file of tests.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether the program openssl is there; without it, tests that need certificates are skipped. */
export const haveOpenssl = spawnSync('openssl', ['version']).status === 0;
if (!haveOpenssl) console.log('the tests of TLS are skipped: the program openssl is not installed');

export interface Credentials {
  key: string;
  cert: string;
}

interface Wanted {
  /** Subject alternative names. Default: localhost and 127.0.0.1. */
  names?: string;
  /** As `ca -startdate` has them. */
  from?: string;
  to?: string;
  usage?: string;
  authority?: boolean;
}

const CONFIG = `
[ca]
default_ca = own
[own]
dir = .
database = index
serial = serial
new_certs_dir = .
certificate = cert.pem
private_key = key.pem
default_md = sha256
default_days = 30
default_crl_days = 30
unique_subject = no
policy = any
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
`;

/** Signs certificates. */
export class Authority {
  readonly directory = mkdtempSync(join(tmpdir(), 'stackful-tls-'));
  readonly cert: string;
  private made = 0;
  private readonly revoked = new Set<string>();

  constructor(name = 'a test authority', parent?: Authority, key = 'ec') {
    writeFileSync(join(this.directory, 'ca.cnf'), CONFIG);
    writeFileSync(join(this.directory, 'index'), '');
    writeFileSync(join(this.directory, 'serial'), `${Math.floor(Math.random() * 2 ** 40).toString(16).padStart(12, '1')}\n`);
    if (parent) {
      const { key, cert } = parent.issue(name, { authority: true });
      this.cert = cert;
      writeFileSync(join(this.directory, 'key.pem'), key);
      writeFileSync(join(this.directory, 'cert.pem'), cert);
    } else {
      this.openssl('req', '-x509', '-config', 'ca.cnf', ...keyArguments(key), '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem',
        '-subj', `/CN=${name}`, '-days', '30', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext',
        'keyUsage=critical,keyCertSign,cRLSign', '-addext', 'subjectKeyIdentifier=hash');
      this.cert = this.read('cert.pem');
    }
  }

  /** A certificate for `name`. */
  issue(name: string, { names = 'DNS:localhost,IP:127.0.0.1', from, to, usage, authority = false }: Wanted = {}, key = 'ec'): Credentials {
    const base = `issued-${String(++this.made)}`;
    const extensions = authority
      ? 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n'
      : `basicConstraints=CA:FALSE\nsubjectAltName=${names}\n${usage === undefined ? '' : `extendedKeyUsage=${usage}\n`}`;
    writeFileSync(join(this.directory, `${base}.ext`), extensions);
    this.openssl('req', '-new', '-config', 'ca.cnf', ...keyArguments(key), '-nodes', '-keyout', `${base}.key`, '-out', `${base}.csr`,
      '-subj', `/CN=${name}`);
    const dates = [...(from === undefined ? [] : ['-startdate', from]), ...(to === undefined ? [] : ['-enddate', to])];
    this.openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', '-in', `${base}.csr`, '-out', `${base}.pem`, '-extfile',
      `${base}.ext`, ...dates);
    return { key: this.read(`${base}.key`), cert: this.read(`${base}.pem`) };
  }

  /** The list of revoked certificates, with `revoked` on it. */
  revoke(revoked: Credentials): string {
    writeFileSync(join(this.directory, 'revoked.pem'), revoked.cert);
    if (!this.revoked.has(revoked.cert)) this.openssl('ca', '-config', 'ca.cnf', '-revoke', 'revoked.pem');
    this.revoked.add(revoked.cert);
    this.openssl('ca', '-config', 'ca.cnf', '-gencrl', '-out', 'crl.pem');
    return this.read('crl.pem');
  }

  /** A certificate that is its own authority, and no one's else. */
  selfSigned(name: string): Credentials {
    this.openssl('req', '-x509', '-config', 'ca.cnf', ...keyArguments('ec'), '-nodes', '-keyout', 'self.key', '-out', 'self.pem', '-subj',
      `/CN=${name}`, '-days', '30', '-addext', `subjectAltName=DNS:${name}`);
    return { key: this.read('self.key'), cert: this.read('self.pem') };
  }

  pfx({ key, cert }: Credentials, passphrase: string): Buffer {
    writeFileSync(join(this.directory, 'pfx.key'), key);
    writeFileSync(join(this.directory, 'pfx.pem'), cert);
    this.openssl('pkcs12', '-export', '-inkey', 'pfx.key', '-in', 'pfx.pem', '-out', 'out.pfx', '-passout', `pass:${passphrase}`);
    return readFileSync(join(this.directory, 'out.pfx'));
  }

  /** The path of a file with `content`, for programs that want one. */
  file(name: string, content: string): string {
    if (!existsSync(this.directory)) mkdirSync(this.directory);
    writeFileSync(join(this.directory, name), content);
    return join(this.directory, name);
  }

  private openssl(...args: string[]): void {
    try {
      execFileSync('openssl', args, { cwd: this.directory, stdio: ['ignore', 'ignore', 'pipe'] });
    } catch (error) {
      throw new Error(`openssl ${args.join(' ')}: ${String((error as { stderr: Buffer }).stderr)}`, { cause: error });
    }
  }

  private read(name: string): string {
    return readFileSync(join(this.directory, name), 'utf8');
  }
}

function keyArguments(kind: string): string[] {
  return kind === 'rsa' ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
}

let made: { authority: Authority; server: Credentials } | undefined;

/** An authority, and a certificate for localhost. */
export function ordinary(): { authority: Authority; server: Credentials } {
  if (!made) {
    const authority = new Authority();
    made = { authority, server: authority.issue('localhost') };
  }
  return made;
}
