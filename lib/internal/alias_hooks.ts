/** For `module.register`, where Node has no `module.registerHooks`: the second half of ./aliases.cts. */

let urls: Readonly<Record<string, string>> = {};

export function initialize(data: Readonly<Record<string, string>>): void {
  urls = data;
}

export function resolve(
  specifier: string,
  context: object,
  next: (specifier: string, context: object) => unknown,
): unknown {
  const url = Object.hasOwn(urls, specifier) ? urls[specifier] : undefined;
  return url === undefined ? next(specifier, context) : { url, format: 'commonjs', shortCircuit: true };
}
