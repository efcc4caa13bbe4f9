import { spawn, type Coroutine } from 'stackful';
import { serve } from 'stackful/http';
import { readFile } from 'stackful/fs';

const cache = new Map<string, Coroutine<string>>();
function page(name: string): string {
  let known = cache.get(name);
  if (!known) cache.set(name, (known = spawn(() => readFile(name, 'utf8'))));
  return known.join();
}
serve((request) => page(request.path));
