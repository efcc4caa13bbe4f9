// node examples/notes/server.mjs: starts the site, and ends it when it is told to. README.md, beside this file, says what it needs.
import { spawn, waitSignal } from 'stackful';
import { accessLog, serve } from 'stackful/http';

import { handlerOf, partsOf } from './app.mjs';
import { ConfigError, configOf } from './config.mjs';
import { Database } from './database.mjs';
import { migrate } from './migrations.mjs';

function prepare(database) {
  try {
    migrate(database);
  } catch (error) {
    // One of several addresses that do not answer has no message.
    throw new ConfigError(`the database cannot be used: ${error.message || error.code}`, { cause: error });
  }
}

function main() {
  const config = configOf(process.env);
  const database = new Database(config.connections);
  prepare(database);
  const parts = partsOf(config, database);
  parts.attachments.prepare();

  const log = accessLog(config.accessLog ? { file: config.accessLog } : {});
  const server = serve(log(handlerOf(parts)), { host: config.host, port: config.port, shed: true });
  console.log(`http://${config.host}:${server.port}`);

  const signal = waitSignal(['SIGTERM', 'SIGINT']);
  console.error(`${signal}: no new requests; those under way have ${config.drainMs} ms`);
  const closing = server.close({ deadline: config.drainMs });
  parts.feed.close(); // pages that listen would keep the server open until the deadline
  closing.join();
  database.close();
  log.close();
}

// All of the program is one coroutine, which may wait, and starts others.
await spawn(main, { name: 'notes' }).promise.catch((error) => {
  console.error(error instanceof ConfigError ? error.message : error);
  process.exit(1);
});
