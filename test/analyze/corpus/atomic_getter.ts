import { atomic, spawn } from 'stackful';
import { stat } from 'stackful/fs';

const file = { get size(): number { return stat('a').size; } };
spawn(() => atomic(() => console.log(file.size))); // expect: atomic-parks
