// knot.mjs PORT: the server of this package with a handler in JavaScript, a coroutine for every connection.
import { serve } from 'stackful/http';

serve(() => 'Hello, World!\n', { port: Number(process.argv[2]), host: '127.0.0.1' });
