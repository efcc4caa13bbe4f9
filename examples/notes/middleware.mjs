// Functions around handlers. Each takes a handler and returns one.
import { CancelledError, timeout, TimeoutError } from 'stackful';
import { HttpError, json } from 'stackful/http';

import { page, redirect } from './html.mjs';
import { errorPage } from './pages.mjs';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Ends what takes too long, wherever it waits: queries are given up, transactions rolled back, files closed. */
export const within = (ms) => (next) => (request) => timeout(ms, () => next(request));

/** Whether a page of this site has caused the request, or no page. Programs send neither header, nor cookies that are not theirs. */
function isOurs({ headers }) {
  const site = headers.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const origin = headers.get('origin');
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === headers.get('host'));
}

/** Refuses what pages of other sites ask for in the name of a user: what changes something, and WebSockets. */
export const sameOrigin = (next) => (request) => {
  const matters = !SAFE.has(request.method) || request.headers.has('upgrade');
  if (matters && !isOurs(request)) throw new HttpError(403, 'the request comes from another site');
  return next(request);
};

/** The HttpError that an error comes to. One that is not the client's fault is printed. */
function refusalOf(error, request) {
  if (error instanceof HttpError) return error;
  if (error instanceof TimeoutError) return new HttpError(503, 'that took too long; try again');
  console.error(`${request.method} ${request.target} failed:`, error);
  return new HttpError(500, 'something has gone wrong here');
}

/** Calls a handler, and `answer` with what it throws. */
const refusing = (answer) => (next) => (request) => {
  try {
    return next(request);
  } catch (error) {
    // The client has left, or the server ends: no answer is wanted, and every further wait would throw this again.
    if (error instanceof CancelledError) throw error;
    return answer(refusalOf(error, request), request);
  }
};

/** For the JSON API: errors are JSON. */
export const jsonErrors = refusing(({ status, message }) => json({ error: message }, { status }));

/** For browsers: errors are pages, and one who is not logged in is sent to do that. */
export const pageErrors = refusing(({ status, message }, request) => {
  if (status === 401 && request.method === 'GET') return redirect('/login');
  return page(errorPage(status, message), { status });
});
