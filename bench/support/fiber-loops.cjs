// The loops that both implementations of fibers run; for Node 14, too.

/** CPU nanoseconds of one of `times` calls of `once`. */
function cpuOf(times, loop) {
  const began = process.cpuUsage();
  loop(times);
  const { user, system } = process.cpuUsage(began);
  return ((user + system) * 1000) / times;
}

/** Measures one kind of Fiber: the metrics by their names. */
exports.measure = (Fiber, times) => {
  const echo = Fiber((x) => {
    for (;;) x = Fiber.yield(x);
  });
  echo.run(0);
  const runYield = (count) => {
    for (let i = 0; i < count; i++) echo.run(i);
  };
  const nothing = () => 1;
  const wholes = (count) => {
    for (let i = 0; i < count; i++) Fiber(nothing).run();
  };
  // More than once, so that the loops are optimised when it is known what they call.
  for (let i = 0; i < 3; i++) {
    runYield(times / 30);
    wholes(times / 300);
  }
  return { run_yield_ns: cpuOf(times, runYield), whole_fiber_ns: cpuOf(times / 10, wholes) };
};
exports.cpuOf = cpuOf;
