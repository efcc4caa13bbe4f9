import { serve } from 'stackful/http';
import { readFile } from 'stackful/fs';

const cache = new Map<string, string>();
function page(name: string): string {
  const known = cache.get(name);
  if (known !== undefined) return known;
  const text = readFile(name, 'utf8');
  cache.set(name, text); // expect: check-then-act
  return text;
}
serve((request) => page(request.path));
