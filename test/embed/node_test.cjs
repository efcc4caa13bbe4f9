require('./runner_cases.cjs')(require('node:test'));
