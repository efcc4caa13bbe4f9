// patch.mjs COROUTINES: blocking functions that park.
import 'stackful/patch';
import { measureBlocking } from '../support/blocking.mjs';

await measureBlocking('patched');
