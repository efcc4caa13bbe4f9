import { native } from './native.js';
import { seam } from './outside.js';

const originals = { netReady: native.netReady, netSelect: native.netSelect };

/** Whether sockets are ready, and the wait until one is: see `Native`. A recording has what these give. */
export const readiness = { ...originals };

seam('readiness', originals, (calls) => { Object.assign(readiness, calls); });
