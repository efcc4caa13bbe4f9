import { registerSecure } from '../net/secure.js';
import { connectTo } from './connect.js';
import { listenAt } from './listener.js';

/** Imported for this: `connect` and `listen` of `stackful/net` can do `{ tls }`. */
registerSecure({ connect: connectTo, listen: listenAt });
