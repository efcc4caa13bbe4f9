import { parseArgs, type ParseArgsConfig } from 'node:util';

import { UsageError } from './errors.js';

/** As `parseArgs` of node:util; what is wrong is the user's mistake. */
export function argumentsOf<const C extends ParseArgsConfig>(config: C): ReturnType<typeof parseArgs<C>> {
  try {
    return parseArgs(config);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}
