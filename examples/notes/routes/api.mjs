// The JSON API. What a handler returns is sent as JSON; what it throws, too. Notes go through `json`, because they have a property
// `body`, by which an object is taken for a response.
import { HttpError, json, router } from 'stackful/http';

import { NOTE } from './ids.mjs';

const BODY_BYTES = 1_000_000;

/** The object that a request carries. */
function objectOf(request) {
  const value = request.json(BODY_BYTES);
  if (typeof value !== 'object' || value === null) throw new HttpError(400, 'the body has to be an object');
  return value;
}

/** @param {import('../app.mjs').Parts} parts */
export function api({ notes, attachments, sessions }) {
  return router({ notFound: () => { throw new HttpError(404, 'there is nothing here'); } })
    .get('/me', (request) => sessions.user(request))
    .get('/notes', (request) => notes.list(request.query.get('q') ?? ''))
    .post('/notes', (request) => {
      const note = notes.create(sessions.user(request), objectOf(request));
      return json(note, { status: 201, headers: { Location: `/api/notes/${note.id}` } });
    })
    .get(NOTE, (request) => json({ ...notes.get(request.params.id), attachments: attachments.list(request.params.id) }))
    .put(NOTE, (request) => json(notes.update(request.params.id, objectOf(request))))
    .delete(NOTE, (request) => {
      attachments.remove(notes.delete(sessions.user(request), request.params.id));
    });
}
