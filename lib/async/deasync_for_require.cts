// For require(): the value of the module is the function, as in the package that it stands for.
import type { deasync as Deasync } from './deasync.js' with { 'resolution-mode': 'import' };

const deasync = (require('../internal/from_commonjs.cjs') as (name: string) => { deasync: typeof Deasync })('deasync').deasync;
export = deasync;
