'use strict';
// `require('stackful')` loads this. Node's own loader can require an ES module, but that of a vm context (Jest's) may not.
const { createRequire } = process.getBuiltinModule('node:module');
const { existsSync } = process.getBuiltinModule('node:fs');

/** Node's own `createRequire`, also in a vm context: there the constructor of a Node function makes functions outside it. */
function nodesCreateRequire() {
  if (createRequire instanceof Function) return createRequire;
  return existsSync.constructor('return process')().getBuiltinModule('node:module').createRequire;
}

module.exports = (name) => {
  const entry = typeof __dirname === 'string' ? `${__dirname}/../entries/${name}.js` : '';
  if (existsSync(entry)) return nodesCreateRequire()(__filename)(entry);
  const what = 'stackful cannot be part of a bundle, its addon is a file beside it: leave it out (esbuild: --external:stackful)';
  throw Object.assign(new Error(`${what} and install it where the bundle runs`), { code: 'ERR_UNSUPPORTED_RUNTIME' });
};
