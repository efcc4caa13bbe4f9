// knot-inspected.mjs PORT INSPECTOR: knot.mjs with the inspector on a second port; a viewer comes and goes while it is measured.
import { serve } from 'stackful/http';
import { inspect } from 'stackful/inspect';

serve(() => 'Hello, World!\n', { port: Number(process.argv[2]), host: '127.0.0.1' });
inspect({ port: Number(process.argv[3]) });
