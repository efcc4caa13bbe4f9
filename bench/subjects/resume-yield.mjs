// The low-level pair behind every park: resume one coroutine, which parks at once.
//
// >>> WIRE HERE: the one place that names the package's internal benchmark hook. <<<
// resumeYield(times) resumes and parks one coroutine that many times and returns nanoseconds per pair.
import { resumeYield } from '../../dist/internal/bench.js';

export { resumeYield };
