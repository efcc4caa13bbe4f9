import Fiber from 'stackful/fibers';

/** Functions that wait in a fiber, and call back elsewhere. */
function load(done?: () => void): void {
  if (Fiber.current && !done) Fiber.yield();
  else done?.();
}

function save(): void {
  if (!Fiber.current) return;
  Fiber.yield();
}

setTimeout(() => {
  load();
  save();
}, 5);
