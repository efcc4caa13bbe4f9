export { dump, type CoroutineInfo, type DumpOptions } from './dump.js';
