// The pages: functions of values, which wait for nothing.
import { html } from './html.mjs';

function layout(title, user, content) {
  return html`<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>${title} – Notes</title>
  <link rel="icon" href="data:,">
  <link rel="stylesheet" href="/assets/style.css">
  ${user && html`<script type="module" src="/assets/live.js"></script>`}
</head>
<body>
  <header>
    <a href="/">Notes</a> <span id="online"></span>
    ${user && html`<form method="post" action="/logout">${user.name} <button>Log out</button></form>`}
  </header>
  <main>${content}</main>
</body>
</html>`;
}

export function errorPage(status, message) {
  return layout(`Error ${status}`, null, html`<h1>Error ${status}</h1><p>${message}</p><p><a href="/">To the notes</a></p>`);
}

/** To log in and to sign up: the same two fields. */
export function entrancePage(action, title, { name = '', error } = {}) {
  const [other, otherTitle] = action === '/login' ? ['/signup', 'Sign up'] : ['/login', 'Log in'];
  return layout(title, null, html`<h1>${title}</h1>
  ${error && html`<p class="error" role="alert">${error}</p>`}
  <form method="post" action="${action}">
    <label>Name <input name="name" value="${name}" autocomplete="username" required></label>
    <label>Password <input name="password" type="password" required></label>
    <button>${title}</button>
  </form>
  <p><a href="${other}">${otherTitle}</a></p>`);
}

const line = (note) => html`<li><a href="/notes/${note.id}">${note.title}</a> by ${note.author}</li>`;

/** The list is by itself, too: the browser fetches it again when notes have changed. */
export function noteList(notes) {
  return html`<ul id="notes">${notes.length > 0 ? notes.map(line) : html`<li>There are none.</li>`}</ul>`;
}

export function listPage(user, notes, words) {
  return layout('All', user, html`<form action="/">
    <input type="search" name="q" value="${words}" aria-label="Words"> <button>Search</button>
  </form>
  ${noteList(notes)}
  <h2>A new note</h2>
  <form method="post" action="/notes">
    <label>Title <input name="title" maxlength="200" required></label>
    <label>Text <textarea name="body" rows="5"></textarea></label>
    <button>Add</button>
  </form>`);
}

export function notePage(user, note, attachments) {
  const at = `/notes/${note.id}`;
  return layout(note.title, user, html`<h1 data-note="${note.id}">${note.title}</h1>
  <p>by ${note.author}, ${note.changed.toISOString().slice(0, 10)} <span id="looking"></span></p>
  <form method="post" action="${at}">
    <input type="hidden" name="version" value="${note.version}">
    <label>Title <input name="title" value="${note.title}" maxlength="200" required></label>
    <label>Text <textarea name="body" rows="15">
${note.body}</textarea></label>
    <button>Save</button>
  </form>
  <h2>Attachments</h2>
  <ul>${attachments.map((file) => html`<li><a href="/attachments/${file.id}">${file.name}</a> (${file.bytes} bytes)</li>`)}</ul>
  <form method="post" action="${at}/attachments" enctype="multipart/form-data">
    <input type="file" name="file" multiple required> <button>Attach</button>
  </form>
  ${note.author === user.name && html`<form method="post" action="${at}/delete"><button>Delete this note</button></form>`}`);
}
