import { readdir } from '../fs.js';
import type { ResponseParts } from './response.js';

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
/** No script can run in it, whatever the names of files are. */
const HEADERS = Object.freeze({
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-cache',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
});

/** A page with the names in a folder: folders first, each in the order of its characters. Parks. */
export function listingOf(folder: string, path: string, dotfiles: boolean): ResponseParts {
  const isShown = (name: string) => dotfiles || !name.startsWith('.') || name === '.well-known';
  const entries = readdir(folder, { withFileTypes: true }).filter(({ name }) => isShown(name));
  const names = [
    ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${name}/`).sort(),
    ...entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map(({ name }) => name).sort(),
  ];
  // A name such as `a:b` would be read as the scheme of a URL.
  const link = (name: string) => `<li><a href="./${name.split('/').map(encodeURIComponent).join('/')}">${escaped(name)}</a></li>`;
  const title = `Files in ${escaped(path)}`;
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>:root { color-scheme: light dark; font-family: system-ui; } li { margin: 0.3em; }</style>
<h1>${title}</h1>
<ul>
${path === '/' ? '' : '<li><a href="../">..</a></li>\n'}${names.map(link).join('\n')}
</ul>
</html>
`;
  return { headers: HEADERS, body };
}
