/// <reference types="node" preserve="true" />
/**
 * `node --import stackful/main app.js` runs `app.js` in a coroutine, so that it can wait at its top level. Loaded in another way it
 * does nothing.
 *
 * @module stackful/main
 */

import { runProgram } from './main/run_main.js';

export { runProgram } from './main/run_main.js';

await runProgram();
