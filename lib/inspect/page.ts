/** The inspector's page, in one file, so that it works without a network. */
export const PAGE = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>stackful inspect</title>
<style>
  :root { color-scheme: light dark; --line: #8884; --dim: #888; --bad: #c0392b; }
  body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5rem auto; max-width: 72rem; padding: 0 1rem; }
  h1 { font-size: 1.2rem; margin: 0 0 1rem; } h2 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
  h1 small, .dim { color: var(--dim); font-weight: normal; }
  #stats { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .5rem; }
  #stats div { border: 1px solid var(--line); border-radius: .4rem; padding: .4rem .6rem; }
  #stats b { display: block; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
  pre { margin: 0; font: 12px/1.4 ui-monospace, monospace; overflow-x: auto; }
  details { border-bottom: 1px solid var(--line); padding: .3rem 0; } summary { cursor: pointer; }
  .bad { color: var(--bad); } input { font: inherit; padding: .2rem .5rem; }
</style>
<h1>stackful <small id="where"></small></h1>
<div id="stats"></div>
<h2>Which coroutine waits for which</h2><pre id="graph"></pre>
<h2>Coroutines <span class="dim" id="count"></span></h2>
<p><input id="filter" placeholder="filter: name, wait, frame" size="32"> <label><input type="checkbox" id="live" checked> live</label>
  <span class="dim">· <a href="dump">dump</a> · <a href="metrics">metrics</a></span></p>
<div id="list"></div>
<script>
const $ = (id) => document.getElementById(id);
const get = (path) => fetch(path).then((r) => r.json());
const tile = (name, value) => {
  const d = document.createElement('div'), b = document.createElement('b');
  b.textContent = value; d.append(b, name); return d;
};
const duration = (ms) => ms < 1e3 ? Math.round(ms) + ' ms' : ms < 6e4 ? (ms / 1e3).toFixed(1) + ' s' : Math.floor(ms / 6e4) + ' min';
const open = new Set();
let before, shown = [];
function render() {
  const wanted = $('filter').value.toLowerCase(), groups = new Map();
  for (const c of shown) {
    if (wanted && !JSON.stringify(c).toLowerCase().includes(wanted)) continue;
    const key = [c.state, (c.parkedOn ?? '').split(' ')[0], c.stack].join('|');
    groups.has(key) ? groups.get(key).push(c) : groups.set(key, [c]);
  }
  $('list').replaceChildren(...[...groups].sort((a, b) => b[1].length - a[1].length).map(([key, members]) => {
    const d = document.createElement('details'), s = document.createElement('summary'), p = document.createElement('pre');
    const [c] = members, ages = members.map((m) => m.parkedFor ?? 0);
    const what = c.parkedOn === undefined ? c.state : 'parked on ' + (members.length > 1 ? c.parkedOn.split(' ')[0] : c.parkedOn);
    s.textContent = (members.length > 1 ? members.length + ' × ' + (c.name || 'anonymous') : '#' + c.id + ' ' + c.name) + ': ' + what +
      (c.parkedFor === undefined ? '' : ', ' + duration(Math.max(...ages)));
    p.textContent = c.stack + (c.spawnedAt ? '\\n    spawned at ' + c.spawnedAt : '');
    d.open = open.has(key); d.ontoggle = () => d.open ? open.add(key) : open.delete(key);
    d.append(s, p); return d;
  }));
}
async function refresh() {
  try {
    const [s, g, c] = await Promise.all([get('stats.json'), get('graph.json'), get('coroutines.json')]);
    const now = performance.now(), rate = (k) => before ? Math.round((s[k] - before.s[k]) / (now - before.now) * 1e3).toLocaleString() : '…';
    $('where').textContent = 'pid ' + s.pid + ', thread ' + s.thread + ', up ' + duration(s.uptime * 1e3);
    $('where').className = '';
    $('stats').replaceChildren(tile('coroutines', s.live.toLocaleString()), tile('peak', s.peak.toLocaleString()), tile('ready', s.ready),
      tile('switches/s', rate('switches')), tile('spawned/s', rate('spawned')), tile('loop busy', (s.loopUtilization * 100).toFixed(1) + ' %'),
      tile('timers late', s.loopLag.toFixed(1) + ' ms'), tile('latest ever', s.loopLagMax.toFixed(1) + ' ms'), tile('sockets', s.openSockets),
      tile('timers', s.timers), tile('holds', s.holds), tile('stacks reserved', (s.stackBytesReserved / 2 ** 20).toFixed(0) + ' MiB'));
    before = { s, now };
    const name = (id) => '#' + id + ' ' + (g.names[id] ?? '');
    $('graph').textContent = [...g.edges.slice(0, 50).map((e) => name(e.from) + ' → ' + name(e.to) + '   (' + e.over + ')'),
      ...g.deadlocks.map((m) => 'deadlock: ' + m)].join('\\n') || 'no coroutine waits for a lock or a join';
    $('graph').className = g.deadlocks.length ? 'bad' : '';
    shown = c.infos; $('count').textContent = c.total > shown.length ? shown.length + ' of ' + c.total : c.total;
    render();
  } catch (error) {
    $('where').textContent = 'no answer: ' + error.message; $('where').className = 'bad';
  }
}
$('filter').oninput = render;
(async () => { for (;;) { if ($('live').checked) await refresh(); await new Promise((r) => setTimeout(r, 2000)); } })();
</script></html>
`;
