// node scripts/page.mjs, after tsc
//
// Makes dist/inspect/page/, what a browser gets of the inspector: the scripts of lib/inspect/page with the libraries that they import
// in one file, the style sheets in another, and the libraries' licences.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { root } from './addon.mjs';

const from = join(root, 'lib/inspect/page');
const to = join(root, 'dist/inspect/page');
const libraries = ['@dagrejs/dagre', '@dagrejs/graphlib', 'uplot'];
const ofLibrary = (name, file) => readFileSync(join(root, 'node_modules', name, file), 'utf8');

mkdirSync(to, { recursive: true });
await build({
  entryPoints: [join(from, 'main.ts')],
  outfile: join(to, 'page.js'),
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'none',
  logLevel: 'warning',
});
copyFileSync(join(from, 'index.html'), join(to, 'index.html'));
writeFileSync(join(to, 'style.css'), `${ofLibrary('uplot', 'dist/uPlot.min.css')}\n${readFileSync(join(from, 'style.css'), 'utf8')}`);
const licences = libraries.map((name) => {
  const { version } = JSON.parse(ofLibrary(name, 'package.json'));
  return `${name} ${version}\n\n${ofLibrary(name, 'LICENSE')}`;
});
writeFileSync(join(to, 'LICENSES.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`));
