import { sleep } from 'stackful';

/** A function of the library as a property that an assignment declares. */
function tools() {
  return undefined;
}
tools.pause = sleep;
tools.soon = queueMicrotask;

setTimeout(() => {
  tools.pause(1); // expect: wrong-stack
  tools.soon(() => undefined);
}, 5);
