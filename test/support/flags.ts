import { execFileSync } from 'node:child_process';

let v8: string | undefined;

/** Does this V8 know the flag? Flags come and go between versions; a negated one is listed by its positive name. */
export function v8Knows(flag: string): boolean {
  v8 ??= execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  const name = flag.replace(/=.*/, '');
  return v8.includes(`${name} `) || v8.includes(`${name.replace('--no-', '--')} `);
}

/** Does this Node know the option? */
export function nodeKnows(flag: string): boolean {
  return process.allowedNodeEnvironmentFlags.has(flag);
}
