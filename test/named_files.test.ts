import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const here = fileURLToPath(new URL('..', import.meta.url));

/** A file of ours by its whole path, wherever it stands: in prose, a comment or a command. */
const NAMED = /(?<![\w/.*-])(?:lib|native|test|scripts|bench|docs|examples)\/[\w/.-]*\w\.(?:[cm]?[jt]s|cc|h|md|cmake)\b(?!\.|[\w*])/g;

function filesIn(place: string): string[] {
  if (statSync(here + place).isFile()) return [place];
  const files = readdirSync(here + place, { recursive: true, encoding: 'utf8' }).map((file) => `${place}/${file}`);
  return files.filter((file) => /\.(?:[cm]?[jt]s|md|h|cc)$/.test(file) && !file.includes('/node_modules/'));
}

/** A test that a command names and that has moved away is left out without a word, where the command names others as well. */
describe('every file that is named by its path is there', () => {
  it.each(['.ci/run', 'README.md', 'CONTRIBUTING.md', 'docs', 'lib', 'native', 'scripts', 'test', 'bench', 'examples'])('in %s', (place) => {
    const gone = filesIn(place).flatMap((file) =>
      [...readFileSync(here + file, 'utf8').matchAll(NAMED)].filter(([name]) => !existsSync(here + name)).map(([name]) => `${file}: ${name}`));
    expect(gone).toEqual([]);
  });
});

/** The anchors of a page: those that are written out, and those that headings have on a git host. */
function anchorsOf(page: string): Set<string> {
  const text = readFileSync(here + page, 'utf8').replace(/^```.*?^```$/gms, '');
  const slug = (heading: string) => heading.replace(/\]\([^)]*\)/g, '').toLowerCase().replace(/[^\w\- ]/g, '').replaceAll(' ', '-');
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading!));
  return new Set([...headings, ...[...text.matchAll(/<a id="([^"]*)">/g)].map(([, id]) => id!)]);
}

it('every link to a page, or to a section of one, leads there', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/README.md', 'examples/notes/README.md', 'examples/deploying/README.md', ...filesIn('docs')];
  const anchors = new Map(pages.map((page) => [page, anchorsOf(page)]));
  const broken = pages.flatMap((page) => {
    const text = readFileSync(here + page, 'utf8').replace(/^```.*?^```$/gms, '');
    return [...text.matchAll(/\]\(([^():#\s]*\.md)?(?:#([^)\s]*))?\)/g)].filter(([, file, id]) => {
      const there = anchors.get(file ? new URL(file, `file:///${page}`).pathname.slice(1) : page);
      return !there || (id !== undefined && !there.has(id));
    }).map(([link]) => `${page}: ${link}`);
  });
  expect(broken).toEqual([]);
});
