/// <reference types="node" preserve="true" />
/**
 * Loading it makes Node's blocking functions park in coroutines: `import 'stackful/patch'`, or
 * `node --import stackful/patch app.js`. It has the exports of `stackful/patch/api`.
 *
 * @module stackful/patch
 */

import { shared } from './internal/loads.js';
import * as mine from './patch/patch.js';

export { CannotPatchError } from './patch/errors.js';
export { patch, patched, unpatch, type PatchReport, type PatchSelection } from './patch/patch.js';

shared('patch/patch', mine).patch();
