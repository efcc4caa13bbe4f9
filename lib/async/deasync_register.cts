// node --import stackful/deasync/register (or --require): `deasync` is this library's, installed or not.
import alias = require('../internal/aliases.cjs');

alias({ deasync: 'async/deasync_for_require.cjs' });
