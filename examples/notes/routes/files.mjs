// Attachments, up and down. They have no time limit of ours: the server's own end clients that send or read too slowly.
import { HttpError, router, staticFiles, withHeaders } from 'stackful/http';

import { redirect } from '../html.mjs';
import { NOTE } from './ids.mjs';

/** What a header has for a name of any characters (RFC 8187). */
const encoded = (name) => encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);

/** @param {import('../app.mjs').Parts} parts */
export function uploads({ attachments, notes }) {
  return router().post(`${NOTE}/attachments`, (request) => {
    const { id } = request.params;
    notes.get(id); // 404 before anything is received
    attachments.receive(request, id);
    return redirect(`/notes/${id}`);
  });
}

/** @param {import('../app.mjs').Parts} parts */
export function downloads({ attachments }) {
  // It answers conditional requests and ranges, and the kernel sends large files.
  const contents = staticFiles(attachments.folder, { index: false, notFound: false, cacheControl: 'private, max-age=3600' });
  return router({ notFound: () => { throw new HttpError(404, 'there is no such attachment'); } }).get('/:id', (request) => {
    const { name } = attachments.get(request.params.id);
    // A browser must never show as a page of this site what a user has uploaded.
    return withHeaders(contents(request), { 'Content-Disposition': `attachment; filename*=UTF-8''${encoded(name)}` });
  });
}
