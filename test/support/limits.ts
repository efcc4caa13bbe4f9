import { readFileSync } from 'node:fs';

/** How many descriptors this process may have open. Node raises the soft limit to the hard one as it starts. */
export function openFilesLimit(): number {
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return line?.[1] === 'unlimited' ? Infinity : Number(line?.[1] ?? 0);
}
