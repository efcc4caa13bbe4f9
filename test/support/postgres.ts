/** A PostgreSQL server of the test's own, on a Unix socket in a temporary directory. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const PLACE = '/usr/lib/postgresql';

/** Where the programs are; undefined when the server is not installed (Debian: apt-get install postgresql). */
export function postgresPrograms(): string | undefined {
  if (!existsSync(PLACE)) return undefined;
  return readdirSync(PLACE).map((version) => join(PLACE, version, 'bin')).find((place) => existsSync(join(place, 'initdb')));
}

export interface Postgres {
  /** For `host` of a client. */
  directory: string;
  stop(): Promise<void>;
}

/** `wrapped` puts another program in front, such as one that pins the server to a core. */
export async function startPostgres(programs: string, wrapped = (command: string[]): string[] => command): Promise<Postgres> {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-postgres-'));
  // The server refuses to run as root, and Debian has made a user for it.
  const identity = process.getuid!() === 0
    ? { uid: Number(execFileSync('id', ['-u', 'postgres'])), gid: Number(execFileSync('id', ['-g', 'postgres'])) }
    : {};
  if (identity.uid !== undefined) chownSync(directory, identity.uid, identity.gid);
  const options = { ...identity, cwd: directory, stdio: 'ignore' as const };
  execFileSync(join(programs, 'initdb'), ['-D', 'data', '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync'], options);
  const settings = ['fsync=off', 'listen_addresses=', 'max_connections=20', `unix_socket_directories=${directory}`];
  const command = wrapped([join(programs, 'postgres'), '-D', 'data', ...settings.flatMap((setting) => ['-c', setting])]);
  const server = spawn(command[0]!, command.slice(1), options);
  const ended = once(server, 'exit');
  const answers = () => spawnSync(join(programs, 'pg_isready'), ['-q', '-h', directory]).status === 0;
  for (let i = 0; i < 400 && !answers(); i++) await delay(25);
  return {
    directory,
    async stop() {
      server.kill('SIGINT');
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}
