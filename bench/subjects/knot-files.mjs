// knot-files.mjs PORT DIRECTORY POLICY: Knot serving a directory; POLICY "connections" is Knot-C of the paper, "accept"
// Knot-A. It asks the file system about a file once a minute, as nginx does here.
import { configure } from 'stackful';
import { serve, staticFiles } from 'stackful/http';

const [port, directory, schedulingPolicy] = process.argv.slice(2);
configure({ schedulingPolicy });
const files = staticFiles(directory, { cache: { revalidateMs: 60_000 } });
serve(files, { port: Number(port), host: '127.0.0.1', backlog: 4096 });
