// node --import stackful/fibers/register (or --require): `fibers` and `fibers/future` are this library's, installed or not.
import alias = require('../internal/aliases.cjs');

alias({
  fibers: 'fibers/for_require.cjs',
  'fibers/fibers': 'fibers/for_require.cjs',
  'fibers/fibers.js': 'fibers/for_require.cjs',
  'fibers/future': 'fibers/future_for_require.cjs',
  'fibers/future.js': 'fibers/future_for_require.cjs',
});
