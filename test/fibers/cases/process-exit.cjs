// process.exit called inside a fiber, inside try/finally. Last field is the exit code.
var Fiber = require('fibers');
if (process.argv[2] === 'child') {
  var f = Fiber(function() {
    try { process.exit(3); } finally { process.stdout.write('finally '); }
  });
  process.on('exit', function(c) { process.stdout.write('exit handler ' + c + ' current=' + (Fiber.current === f) + ' started=' + f.started + ' '); });
  f.run();
  process.stdout.write('after run ');
} else {
  var r = require('child_process').spawnSync(process.execPath, [__filename, 'child'], { encoding: 'utf8', env: process.env });
  console.log(r.stdout + '-> ' + (r.status === null ? r.signal : r.status));
}
