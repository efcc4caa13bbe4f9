// node scripts/analyze-applications.mjs, after npm run build
//
// What `stackful analyze` finds in programs that others have written for code that parks, at fixed versions, and in our
// own: docs/analyze.md judges each finding. The packages were written for `fibers`; here stackful/fibers stands behind that name.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { analyze } from '../dist/analyze.js';
import { root } from './addon.mjs';
import { fetchPackage } from './fetch_package.mjs';

const PACKAGES = {
  '@wdio/sync': '7.14.1', asyncawait: '3.0.0', fibrous: '0.4.0', 'meteor-promise': '0.9.0', synchronize: '2.0.0', 'wait.for': '0.6.6',
};

const types = (name) => [join(root, 'dist/fibers', `${name}.d.cts`)];
const tsconfig = {
  compilerOptions: {
    module: 'NodeNext', target: 'ES2022', allowJs: true, checkJs: true, types: ['node'], typeRoots: [join(root, 'node_modules/@types')],
    paths: { fibers: types('for_require'), 'fibers/future': types('future_for_require') },
  },
  include: ['**/*.js', '**/*.ts'],
  exclude: ['**/*.d.ts', '**/node_modules', '**/*.min.js'],
};

function show(name, directory, options) {
  const { files, functions, mayPark, findings } = analyze(directory, options);
  console.log(`${name}: ${files} files, ${functions} functions, ${mayPark.length} may park, ${findings.length} findings`);
  for (const { rule, file, line, message, trace } of findings) {
    console.log(`  ${file}:${line} ${rule}: ${message}`);
    for (const step of trace) console.log(`      ${step.file}:${step.line} ${step.text}`);
  }
}

for (const [name, version] of Object.entries(PACKAGES)) {
  const directory = join(root, '.cache/analyzed', `${name.replace('/', '+')}@${version}`);
  await fetchPackage(name, version, directory);
  mkdirSync(directory, { recursive: true });
  const project = join(directory, 'tsconfig.json');
  writeFileSync(project, JSON.stringify(tsconfig));
  show(`${name} ${version}`, directory, { project });
}
for (const own of ['examples', 'bench', 'scripts', 'test/children']) show(own, join(root, own), {});
