// For require(): the value of the module is the function, as in the package that it stands for.
import type { Fiber as Instance, FiberConstructor } from './fiber.js' with { 'resolution-mode': 'import' };

type Fiber = Instance;
// A second copy of the package took what the first had put there.
const shared = process as { fiberLib?: FiberConstructor };
const Fiber = (shared.fiberLib ??= (require('../internal/from_commonjs.cjs') as (name: string) => { Fiber: FiberConstructor })('fibers').Fiber);
export = Fiber;
