import Fiber from 'stackful/fibers';

/** What a fiber suspends, its caller's stack cannot. */
function pause(): void {
  Fiber.yield();
}

const made = new Fiber(() => {
  pause();
});
const called = Fiber(() => {
  [1].forEach(() => pause());
});
made.run();
called.run();
setTimeout(() => {
  pause(); // expect: wrong-stack
}, 5);
