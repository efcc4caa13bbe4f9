/// <reference types="node" preserve="true" />
/**
 * Node's blocking functions park in coroutines: `patch` puts functions in their places that do, `unpatch` takes them away. The
 * module `stackful/patch` calls `patch()` when it is loaded.
 *
 * @module stackful/patch/api
 */

export { CannotPatchError } from './errors.js';
export { patch, patched, unpatch, type PatchReport, type PatchSelection } from './patch.js';
