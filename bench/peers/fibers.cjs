// fibers.cjs FOLDER TIMES: the package `fibers` in FOLDER, on a Node that it works with.
const loops = require('../support/fiber-loops.cjs');

const measured = loops.measure(require(process.argv[2]), Number(process.argv[3]));
const samples = Object.keys(measured).map((metric) => ({ subject: 'fibers on Node 14', metric, value: measured[metric], unit: 'ns' }));
console.log(JSON.stringify(samples));
