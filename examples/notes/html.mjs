// Templates: html`<p>${text}</p>` escapes what is put in, unless it was made by `html` itself. Lists are joined; null, undefined and
// false are nothing.

const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text that is HTML already. */
class Html {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

function escaped(value) {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(escaped).join('');
  if (value === null || value === undefined || value === false) return '';
  return String(value).replace(/[&<>"']/g, (character) => ESCAPES[character]);
}

/** HTML with values in it. In attributes, they belong in quotes. */
export function html(strings, ...values) {
  return new Html(strings.reduce((text, part, i) => text + escaped(values[i - 1]) + part));
}

/** A response with a page. */
export function page(content, { status = 200, headers = {} } = {}) {
  const all = { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store', ...headers };
  return { status, headers: all, body: `<!doctype html>\n${content}` };
}

/** A response that sends the browser to another page, with GET. */
export function redirect(path, headers = {}) {
  return { status: 303, headers: { Location: path, ...headers } };
}
