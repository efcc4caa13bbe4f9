// knot-echo.mjs PORT: answers with the body of the request.
import { serve } from 'stackful/http';

serve((request) => request.readBody(), { port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 });
