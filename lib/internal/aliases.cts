// Makes `require` and `import` find modules of this library under the names of the packages that they stand for. CommonJS, so that
// `--require` can load what uses it on every Node.
import path = require('node:path');
import url = require('node:url');
import Module = require('node:module');

/** What Node has and its types do not say. */
interface Loader {
  _resolveFilename(request: string, ...rest: unknown[]): string;
  registerHooks?(hooks: { resolve(specifier: string, context: object, next: (specifier: string, context: object) => unknown): unknown }): void;
  register?(specifier: string, options: { parentURL: string; data: object }): void;
}

/** @param names the file of this library, in `dist/`, for each name */
function alias(names: Readonly<Record<string, string>>): void {
  const files = new Map(Object.entries(names).map(([name, file]) => [name, path.join(__dirname, '..', file)]));
  const urls = new Map([...files].map(([name, file]) => [name, url.pathToFileURL(file).href]));
  const loader = Module as unknown as Loader;
  const original = loader._resolveFilename;
  loader._resolveFilename = function (this: unknown, request, ...rest) {
    return files.get(request) ?? (Reflect.apply(original, this, [request, ...rest]) as string);
  };
  if (loader.registerHooks) {
    loader.registerHooks({
      resolve(specifier, context, next) {
        const found = urls.get(specifier);
        return found === undefined ? next(specifier, context) : { url: found, format: 'commonjs', shortCircuit: true };
      },
    });
  } else {
    // Its hooks run on a thread of their own.
    const parentURL = url.pathToFileURL(__filename).href;
    loader.register?.('./alias_hooks.js', { parentURL, data: Object.fromEntries(urls) });
  }
}

export = alias;
