// Who a request is from. The browser has a random token in a cookie; the database has its hash, so that one who reads the database
// cannot log in with it.
import { createHash, randomBytes } from 'node:crypto';
import { HttpError, setCookie } from 'stackful/http';

const COOKIE = 'session';
const DAYS = 14;

const hashOf = (token) => createHash('sha256').update(token).digest();

export class Sessions {
  /** What was found for the requests under way, since several functions ask.  @type {WeakMap<object, import('./users.mjs').User | null>} */
  known = new WeakMap();

  /** @param {import('./database.mjs').Database} database */
  constructor(database) {
    this.database = database;
  }

  /** The value of `Set-Cookie` that logs a user in. */
  start(user) {
    const token = randomBytes(32).toString('base64url');
    this.database.transaction((query) => {
      query('DELETE FROM sessions WHERE user_id = $1 AND expires < now()', [user.id]);
      query(`INSERT INTO sessions VALUES ($1, $2, now() + interval '${DAYS} days')`, [hashOf(token), user.id]);
    });
    return setCookie(COOKIE, token, { maxAge: DAYS * 86_400 });
  }

  /** The value of `Set-Cookie` that logs the user of a request out. */
  end(request) {
    const token = request.cookies[COOKIE];
    if (token) this.database.rows('DELETE FROM sessions WHERE token = $1', [hashOf(token)]);
    this.known.delete(request);
    return setCookie(COOKIE, '', { maxAge: 0 });
  }

  /** The user that is logged in, or null. */
  find(request) {
    if (!this.known.has(request)) this.known.set(request, this.look(request.cookies[COOKIE]));
    return this.known.get(request);
  }

  look(token) {
    if (!token) return null;
    const [user] = this.database.rows(
      'SELECT u.id, u.name FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token = $1 AND s.expires > now()', [hashOf(token)]);
    return user ?? null;
  }

  /** The user that is logged in; otherwise the request ends here, with a 401. */
  user(request) {
    const user = this.find(request);
    if (!user) throw new HttpError(401, 'log in first');
    return user;
  }

  /** A function around handlers that are for users only. */
  only = (next) => (request) => {
    this.user(request);
    return next(request);
  };
}
