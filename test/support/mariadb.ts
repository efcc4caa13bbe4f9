/** A MariaDB server of the test's own, on a Unix socket in a temporary directory. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Where the server is; undefined when it is not installed (Debian: apt-get install mariadb-server). */
export const mariadbProgram = ['mariadbd', '/usr/sbin/mariadbd'].find((program) => spawnSync(program, ['--version']).status === 0);

export interface Mariadb {
  /** For `socketPath` of a client. */
  path: string;
  /** Its administrator, who needs no password. */
  user: string;
  stop(): Promise<void>;
}

/** Whether a server listens there. */
async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export async function startMariadb(program: string): Promise<Mariadb> {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-mariadb-'));
  const path = join(directory, 'socket');
  const sizes = ['--innodb-buffer-pool-size=16M', '--innodb-log-file-size=4M'];
  const data = ['--no-defaults', `--datadir=${join(directory, 'data')}`, `--user=${userInfo().username}`, ...sizes];
  const make = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-log-bin'];
  execFileSync('mariadb-install-db', [...data, ...make], { stdio: 'ignore' });
  const settings = [`--socket=${path}`, '--skip-networking', '--innodb-flush-log-at-trx-commit=0'];
  const server = spawn(program, [...data, ...settings], { stdio: 'ignore' });
  const ended = once(server, 'exit');
  for (let i = 0; i < 400 && !await answers(path); i++) await delay(25);
  return {
    path,
    user: 'root',
    async stop() {
      server.kill();
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}
