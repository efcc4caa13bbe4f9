// Signing up, logging in and out: what one who is not logged in may see.
import { HttpError, router } from 'stackful/http';

import { page, redirect } from '../html.mjs';
import { entrancePage } from '../pages.mjs';

const TITLES = { '/login': 'Log in', '/signup': 'Sign up' };

/** @param {import('../app.mjs').Parts} parts */
export function entrance({ users, sessions }) {
  /** Answers a form: with a session, or with the form again and what was wrong with it. */
  const enter = (action, userOf) => (request) => {
    const form = request.formData({ bodyBytes: 10_000 });
    const [name, password] = ['name', 'password'].map((field) => String(form.get(field) ?? ''));
    try {
      return redirect('/', { 'Set-Cookie': sessions.start(userOf(name, password)) });
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      const { status, message } = error;
      return page(entrancePage(action, TITLES[action], { name, error: message }), { status });
    }
  };
  return router()
    .get('/login', () => page(entrancePage('/login', TITLES['/login'])))
    .get('/signup', () => page(entrancePage('/signup', TITLES['/signup'])))
    .post('/login', enter('/login', (name, password) => users.logIn(name, password)))
    .post('/signup', enter('/signup', (name, password) => users.signUp(name, password)))
    .post('/logout', (request) => redirect('/login', { 'Set-Cookie': sessions.end(request) }));
}
