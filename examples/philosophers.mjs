// The dining philosophers, over coroutines or over workers: it is the same program.
//
//   node examples/philosophers.mjs
//   node examples/philosophers.mjs workers
import { create, over } from 'stackful/threads';

const NAMES = ['Aristotle', 'Hypatia', 'Kant', 'Laozi', 'Plato'];
const MEALS = 3;

const threads = over(process.argv[2] ?? 'coroutines');

await create(() => {
  const forks = NAMES.map((_, seat) => new threads.Mutex({ name: `fork ${seat}` }));
  const philosopher = new URL('./philosopher.mjs', import.meta.url);
  const seated = NAMES.map((name, seat) => {
    // All take the fork with the lower number first, so that no circle of waiting philosophers can close.
    const [first, second] = [seat, (seat + 1) % forks.length].sort().map((fork) => forks[fork]);
    return threads.create(philosopher, { first, second, meals: MEALS }, { name });
  });
  for (const thread of seated) console.log(threads.join(thread));
});
