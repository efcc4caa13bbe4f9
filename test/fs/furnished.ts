import fs from 'node:fs';
import { join } from 'node:path';

/** Fills a directory with files of every kind. */
export function furnish(directory: string): void {
  const at = (...names: string[]) => join(directory, ...names);
  fs.writeFileSync(at('file'), 'content of it', { mode: 0o640 });
  fs.writeFileSync(at('other'), 'x'.repeat(10_000));
  fs.writeFileSync(at('empty'), '');
  fs.mkdirSync(at('sub', 'deeper'), { recursive: true });
  fs.writeFileSync(at('sub', 'one'), '1');
  fs.writeFileSync(at('sub', 'deeper', 'two'), '2');
  fs.mkdirSync(at('hollow'));
  fs.symlinkSync('file', at('link'));
  fs.symlinkSync('sub', at('sublink'));
  fs.symlinkSync('nobody', at('dangling'));
  fs.symlinkSync('loop', at('loop'));
}

/** Every name below, with what can be seen of it. */
export function inventory(directory: string, below = ''): string[] {
  return fs.readdirSync(join(directory, below), { withFileTypes: true }).flatMap((entry) => {
    const name = join(below, entry.name.replace(/^(temporary-).*/, '$1'));
    const path = join(directory, below, entry.name);
    const { mode, size, nlink } = fs.lstatSync(path);
    const line = `${name} ${mode.toString(8)} ${String(nlink)}`;
    if (entry.isDirectory()) return [line, ...inventory(directory, join(below, entry.name))];
    if (entry.isSymbolicLink()) return [`${line} -> ${fs.readlinkSync(path).replaceAll(directory, 'DIR')}`];
    return [`${line} ${String(size)} ${fs.readFileSync(path, 'latin1').slice(0, 50)}`];
  });
}

/** A value without what differs between the two directories. */
export function comparable(value: unknown, directory: string): unknown {
  if (typeof value === 'string') return value.replaceAll(directory, 'DIR').replace(/temporary-\w{6}/, 'temporary-');
  if (Buffer.isBuffer(value)) return ['Buffer', comparable(value.toString('latin1'), directory)];
  if (value instanceof fs.Stats) return ['Stats', value.mode, value.size, value.nlink, value.uid, value.gid, value.blksize];
  if (value instanceof fs.Dirent) return ['Dirent', value.name, comparable(value.parentPath, directory), value.isFile(), value.isDirectory()];
  if (Array.isArray(value)) return value.map((each) => comparable(each, directory));
  return value;
}
