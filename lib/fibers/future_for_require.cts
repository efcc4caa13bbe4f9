// For require(): the value of the module is the function, as in the package that it stands for.
import type { Future as Instance, FutureConstructor } from './future.js' with { 'resolution-mode': 'import' };

type Future<T = any> = Instance<T>;
const Future = (require('../internal/from_commonjs.cjs') as (name: string) => { Future: FutureConstructor })('future').Future;
export = Future;
