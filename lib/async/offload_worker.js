// The worker of `offload`: it runs the default export of a module, imported once per worker. It is JavaScript, because a
// worker loads it as it is, also where the rest of lib/ is run from its sources.

/**
 * @param {{ module: string, args: unknown[] }} task
 * @returns {Promise<{ value: unknown } | { error: unknown, details: Record<string, unknown> }>}
 */
export default async function run({ module, args }) {
  try {
    const { default: work } = await import(module);
    if (typeof work !== 'function') {
      throw Object.assign(new TypeError(`the default export of ${module} is no function`), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    return { value: await work(...args) };
  } catch (error) {
    return { error, details: detailsOf(error) };
  }
}

/**
 * The properties that copying an error between threads leaves out: its `code` and other simple ones.
 *
 * @param {unknown} error
 * @returns {Record<string, unknown>}
 */
export function detailsOf(error) {
  if (!(error instanceof Error)) return {};
  return Object.fromEntries(Object.entries(error).filter(([, value]) => Object(value) !== value && typeof value !== 'symbol'));
}
