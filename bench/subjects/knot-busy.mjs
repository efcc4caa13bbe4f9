// knot-busy.mjs PORT [shed]: a handler that computes for about a millisecond; with `shed`, what waits too long is refused.
import { serve } from 'stackful/http';
import { page } from '../support/page.mjs';

const [, , port, shed] = process.argv;
serve(() => page(), { port: Number(port), host: '127.0.0.1', backlog: 4096, shed: shed === 'shed' });
