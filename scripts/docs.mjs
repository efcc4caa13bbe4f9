// node scripts/docs.mjs
//
// Writes docs/api/, the reference, from the comments of what package.json's "exports" name: a page a module, and README.md, a
// list of all names. test/reference.test.ts checks that the pages are up to date.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Application, CommentTag, Converter, ReflectionKind } from 'typedoc';
import { root } from './addon.mjs';

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const sourceOf = (declaration) => join(root, declaration.replace('./dist/', 'lib/').replace('.d.ts', '.ts'));
const entries = Object.values(exports).flatMap(({ types }) => (types ? [sourceOf(types)] : []));

const OPTIONS = {
  entryPoints: entries,
  tsconfig: join(root, 'tsconfig.json'),
  plugin: ['typedoc-plugin-markdown'],
  // `npm run compile` checks the types.
  skipErrorChecking: true,
  logLevel: 'Error',
  readme: 'none',
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableSources: true,
  sort: ['source-order'],
  router: 'module',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  groupOrder: ['Functions', 'Classes', 'Variables', 'Interfaces', 'Type Aliases', 'Errors', 'References'],
  useCodeBlocks: true,
  expandParameters: true,
  useHTMLAnchors: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
};

/** Errors have a group of their own. The library makes them: only a constructor that a comment describes is meant to be called. */
function groupErrors({ project }) {
  const isError = ({ name }) => name.endsWith('Error');
  for (const constructor of project.getReflectionsByKind(ReflectionKind.Constructor)) {
    const described = constructor.signatures?.some(({ comment }) => comment?.summary.length > 0);
    if (isError(constructor.parent) && !described) project.removeReflection(constructor);
  }
  for (const error of project.getReflectionsByKind(ReflectionKind.Class).filter(isError)) {
    error.comment?.blockTags.push(new CommentTag('@group', [{ kind: 'text', text: 'Errors' }]));
  }
}

/** Everything that is exported, as TypeDoc sees it. */
export async function convert() {
  const app = await Application.bootstrapWithPlugins(OPTIONS);
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, groupErrors);
  return { app, project: await app.convert() };
}

const DESCRIBED =
  ReflectionKind.CallSignature | ReflectionKind.GetSignature | ReflectionKind.Property | ReflectionKind.Class |
  ReflectionKind.Interface | ReflectionKind.TypeAlias | ReflectionKind.Variable | ReflectionKind.Module;

/** What has no comment, and the functions and the classes to construct that have no example. */
export function lacking({ project }) {
  // Members of a type within another are described there, and an error's code by its value.
  const told = ({ name, parent }) => parent.name === '__type' || (name === 'code' && parent.name.endsWith('Error'));
  const silent = project.getReflectionsByKind(DESCRIBED).filter((one) => !one.hasComment() && !told(one) && one.name !== '__type');
  const functions = project.getReflectionsByKind(ReflectionKind.Function).flatMap(({ signatures }) => signatures);
  const classes = project.getReflectionsByKind(ReflectionKind.Constructor).map(({ parent }) => parent);
  const unshown = [...functions, ...classes].filter(({ comment }) => !comment?.blockTags.some(({ tag }) => tag === '@example'));
  return [...silent.map((one) => `${one.getFullName()} has no comment`), ...unshown.map((one) => `${one.getFullName()} has no example`)];
}

/** Without the sections that repeat a signature: its types, without a word on them or a link to follow. */
function tidy(text) {
  const sections = text.split(/^(?=#{2,6} |<a id|\*\*\*$)/m);
  const dull = (section) => {
    const [, title] = /^#{4,6} (.*)/.exec(section) ?? [];
    if (['Overrides', 'Inherited from', 'Implementation of', 'Implements'].includes(title)) return true;
    if (title === 'Extends') return !section.includes('](');
    if (title === 'Returns') return section.trim().split('\n\n').length === 2 && !section.includes('](');
    if (title === 'Parameters' || title === 'Type Parameters') return !/\| Description \|/.test(section);
    return false;
  };
  return sections.filter((section) => !dull(section)).join('');
}

/** A table of the names on a page, with the first sentence about each. */
function contents(name, text) {
  const [, title, about] = /^# (.*)\n\n([^]*?)(?:\n\n|\n*$)/.exec(text);
  const lines = [`## [${title}](${name})`, '', about, ''];
  for (const group of text.split(/^## /m).slice(1)) {
    const kind = group.slice(0, group.indexOf('\n'));
    const rows = [...group.matchAll(/^<a id="([^"]*)"><\/a>\n\n### (.*)\n([^]*?)(?=^\*\*\*$|(?![^]))/gm)].map(([, id, heading, body]) => {
      const said = body.replace(/^```[^]*?^```$/gm, '').split(/^#{4,6} .*$/m).map((part) => part.trim()).find((part) => part !== '') ?? '';
      const [sentence] = /^[^]*?(?:[.:](?=\s)|$)/.exec(said.split('\n\n')[0]);
      const beside = sentence.replaceAll(/\]\((?=[\w.][^:)]*\.md)/g, `](${dirname(name)}/`);
      const linked = beside.replaceAll('\n', ' ').replaceAll('](#', `](${name}#`);
      return `| [${heading}](${name}#${id}) | ${linked.replace(/:$/, '.')} |`;
    });
    if (kind !== 'References') lines.push(`| ${kind} | |`, '| --- | --- |', ...rows, '');
  }
  return lines.join('\n');
}

/**
 * The pages: their text by their names.
 *
 * @returns {Promise<Map<string, string>>}
 */
export async function pages({ app, project }) {
  const directory = mkdtempSync(join(tmpdir(), 'stackful-docs-'));
  try {
    await app.outputs.writeOutput({ name: 'markdown', path: directory }, project);
    const names = readdirSync(directory, { recursive: true }).filter((name) => name.endsWith('.md') && name !== 'README.md');
    const texts = new Map(names.sort().map((name) => [name, tidy(readFileSync(join(directory, name), 'utf8'))]));
    const readme = [...texts].map(([name, text]) => contents(name, text));
    const head = '# Reference\n\nEverything that the modules export. `npm run docs` writes these pages from the comments in `lib`.\n';
    return texts.set('README.md', [head, ...readme].join('\n'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const converted = await convert();
  for (const what of lacking(converted)) console.error(what);
  const directory = join(root, 'docs/api');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of await pages(converted)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
}
