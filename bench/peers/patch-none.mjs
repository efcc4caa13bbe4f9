// patch-none.mjs COROUTINES: the same without stackful/patch.
import { measureBlocking } from '../support/blocking.mjs';

await measureBlocking('unpatched');
