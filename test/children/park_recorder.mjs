// node --import ./park_recorder.mjs PROGRAM: writes the stack of each different park that the program makes to the file PARKS, as JSON.
import { appendFileSync } from 'node:fs';
import { configure } from 'stackful';

const stacks = new Set();
const queue = [];
let taken = 0;

// A coroutine that has become ready has parked before, and its stack is still that of the park.
configure({
  schedulingPolicy: {
    ready(coroutine, after) {
      queue.push(coroutine);
      if (after === 'start' || taken > 50_000) return;
      taken++;
      const stack = coroutine.stack();
      if (stacks.has(stack)) return;
      stacks.add(stack);
      appendFileSync(process.env.PARKS, `${JSON.stringify({ after, stack })}\n`);
    },
    next: () => queue.shift(),
  },
});
