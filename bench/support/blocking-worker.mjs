// A worker of ./blocking.mjs.
import { runAsWorker } from 'synckit';

runAsWorker((ms) => new Promise((resolve) => { setTimeout(() => { resolve(ms); }, ms); }));
