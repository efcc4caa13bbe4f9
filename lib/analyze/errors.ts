import { StackfulError } from '../internal/errors.js';

/** The TypeScript compiler, on whose API the analysis works, cannot be loaded. The message says what to install. */
export class CompilerMissingError extends StackfulError {
  readonly code = 'ERR_ANALYZE_COMPILER';
}

/** What is to be analysed is not there, or its `tsconfig.json` cannot be read. */
export class AnalyzeInputError extends StackfulError {
  readonly code = 'ERR_ANALYZE_INPUT';
}
