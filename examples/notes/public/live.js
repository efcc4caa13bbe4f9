// In the browser: the list is fetched again when notes change, and the names of those who are here are shown.
const list = document.querySelector('#notes');
if (list) {
  const refresh = async () => {
    const response = await fetch(`/list${location.search}`);
    // The server has escaped what users have written.
    if (response.ok) document.querySelector('#notes').outerHTML = await response.text();
  };
  const events = new EventSource('/live/events');
  for (const name of ['ready', 'created', 'changed', 'deleted']) events.addEventListener(name, refresh);
}

const note = document.querySelector('[data-note]')?.dataset.note ?? '';
function attend() {
  const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/live/presence`);
  socket.onopen = () => { if (note) socket.send(JSON.stringify({ looking: note })); };
  socket.onmessage = ({ data }) => {
    const { online, name, looking } = JSON.parse(data);
    if (online) document.querySelector('#online').textContent = `here: ${online.join(', ')}`;
    else if (looking === note && note) document.querySelector('#looking').textContent = `${name} looks at it, too`;
  };
  socket.onclose = () => { setTimeout(attend, 2000); };
}
attend();
