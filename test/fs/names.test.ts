import fs from 'node:fs';
import { expect, it } from 'vitest';

import * as ours from 'stackful/fs';

/** Names of node:fs that stackful/fs does not have, and why. */
const LEFT_OUT: Record<string, string> = {
  createReadStream: 'a stream: toReadable(open(path)) of stackful/stream',
  createWriteStream: 'a stream: toWritable(open(path))',
  ReadStream: 'a stream',
  WriteStream: 'a stream',
  FileReadStream: 'a stream',
  FileWriteStream: 'a stream',
  Utf8Stream: 'a stream',
  promises: 'node:fs has them; here the functions themselves wait',
  lchmod: 'Linux has no such call: Node defines it as undefined',
  _toUnixTimestamp: 'internal to Node',
  F_OK: 'constants.F_OK; Node has deprecated it',
  R_OK: 'constants.R_OK',
  W_OK: 'constants.W_OK',
  X_OK: 'constants.X_OK',
};

it('has every name of node:fs, without Sync', () => {
  const wanted = new Set(Object.keys(fs).map((name) => name.replace(/Sync$/, '')));
  const missing = [...wanted].filter((name) => !(name in ours) && !(name in LEFT_OUT));
  expect(missing).toEqual([]);
});

it('leaves out only what it says', () => {
  expect(Object.keys(LEFT_OUT).filter((name) => name in ours)).toEqual([]);
});
