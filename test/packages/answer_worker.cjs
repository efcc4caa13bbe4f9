// A worker of sync-threads.
const { runAsWorker } = require('sync-threads');

runAsWorker(async ({ url }) => (await fetch(url)).text());
