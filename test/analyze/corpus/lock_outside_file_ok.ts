import { Mutex, spawn } from 'stackful';
import { writeFile } from 'stackful/fs';

const mutex = new Mutex();
spawn(() => mutex.withLock(() => writeFile('a', 'text')));
