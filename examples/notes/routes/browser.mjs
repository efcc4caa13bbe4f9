// The pages with notes, for users. A form is answered with a redirect to the page that shows what it did.
import { HttpError, router } from 'stackful/http';

import { page, redirect } from '../html.mjs';
import { listPage, noteList, notePage } from '../pages.mjs';
import { NOTE } from './ids.mjs';

const fieldsOf = (request) => Object.fromEntries(request.formData());

/** @param {import('../app.mjs').Parts} parts */
export function browser({ notes, attachments, sessions }) {
  return router({ notFound: () => { throw new HttpError(404, 'there is no such page'); } })
    .get('/', (request) => {
      const words = request.query.get('q') ?? '';
      return page(listPage(sessions.user(request), notes.list(words), words));
    })
    .get('/list', (request) => page(noteList(notes.list(request.query.get('q') ?? ''))))
    .post('/notes', (request) => redirect(`/notes/${notes.create(sessions.user(request), fieldsOf(request)).id}`))
    .get(NOTE, (request) => {
      const { id } = request.params;
      return page(notePage(sessions.user(request), notes.get(id), attachments.list(id)));
    })
    .post(NOTE, (request) => redirect(`/notes/${notes.update(request.params.id, fieldsOf(request)).id}`))
    .post(`${NOTE}/delete`, (request) => {
      attachments.remove(notes.delete(sessions.user(request), request.params.id));
      return redirect('/');
    });
}
