// Preloaded (`node --import`): SIGUSR2 collects garbage, for figures of memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
process.on('SIGUSR2', runInNewContext('gc'));
