// patch-promises.mjs COROUTINES: async functions in their place.
import { measureBlocking, promising } from '../support/blocking.mjs';

await measureBlocking('promises', promising);
