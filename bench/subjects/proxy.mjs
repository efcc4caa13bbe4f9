// node proxy.mjs PORT UPSTREAM: passes requests on to the server on port UPSTREAM.
import { proxy, serve } from 'stackful/http';

const [, , port, upstream] = process.argv;
serve(proxy(`http://127.0.0.1:${upstream}`), { port: Number(port), host: '127.0.0.1' });
