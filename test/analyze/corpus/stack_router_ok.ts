import { router, serve } from 'stackful/http';
import { readFile } from 'stackful/fs';

const routes = router().get('/', () => readFile('index.html', 'utf8'));
serve(routes, { port: 8080 });
