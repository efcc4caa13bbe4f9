// The site, put together: which handler answers which path, and what is around it.
import helmet from 'helmet';
import { timeout } from 'stackful';
import { compress, eventStream, nodeMiddleware, router, staticFiles } from 'stackful/http';

import { Attachments } from './attachments.mjs';
import { Feed } from './feed.mjs';
import { jsonErrors, pageErrors, sameOrigin, within } from './middleware.mjs';
import { Notes } from './notes.mjs';
import { Presence } from './presence.mjs';
import { api } from './routes/api.mjs';
import { browser } from './routes/browser.mjs';
import { entrance } from './routes/entrance.mjs';
import { downloads, uploads } from './routes/files.mjs';
import { NOTE } from './routes/ids.mjs';
import { Sessions } from './sessions.mjs';
import { Users } from './users.mjs';

/** @typedef {ReturnType<typeof partsOf>} Parts */

/**
 * @param {import('./config.mjs').Config} config
 * @param {import('./database.mjs').Database} database
 */
export function partsOf(config, database) {
  const feed = new Feed();
  return {
    config,
    database,
    feed,
    presence: new Presence(),
    users: new Users(database),
    sessions: new Sessions(database),
    notes: new Notes(database, feed),
    attachments: new Attachments(database, config),
  };
}

const HEALTH_MS = 1000;
const HELMET = {
  // Without `upgrade-insecure-requests`, which would break the site where it has no TLS in front of it.
  contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  // With `no-referrer` browsers would not say from where forms come, either: their `Origin` would be `null`.
  referrerPolicy: { policy: 'same-origin' },
};

/** Whether this server can do its work. */
function health(database) {
  try {
    timeout(HEALTH_MS, () => database.rows('SELECT 1'));
    return 'ok\n';
  } catch (error) {
    return { status: 503, body: `the database: ${error.message}\n` };
  }
}

/** @param {Parts} parts */
export function handlerOf(parts) {
  const { config, sessions, presence, feed } = parts;
  const limited = within(config.patienceMs);
  const live = router()
    .get('/events', () => eventStream(feed.listen()))
    .get('/presence', (request) => presence.attend(request, sessions.user(request)));
  const assets = staticFiles(new URL('public', import.meta.url).pathname, { compress: true, cacheControl: 'public, max-age=300' });
  const door = pageErrors(limited(entrance(parts)));

  const site = router()
    .on(['GET', 'POST'], '/login', door)
    .on(['GET', 'POST'], '/signup', door)
    .post('/logout', door)
    .mount('/assets', assets)
    .mount('/api', jsonErrors(limited(sessions.only(api(parts)))))
    .mount('/live', jsonErrors(sessions.only(live)))
    .mount('/attachments', pageErrors(sessions.only(downloads(parts))))
    .post(`${NOTE}/attachments`, pageErrors(sessions.only(uploads(parts))))
    .mount('/', pageErrors(limited(sessions.only(browser(parts)))));

  const secured = nodeMiddleware(helmet(HELMET));
  return router()
    .get('/healthz', () => health(parts.database))
    .mount('/', compress(secured(sameOrigin(site))));
}
