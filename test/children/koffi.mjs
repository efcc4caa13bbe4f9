// koffi.mjs WHAT early|late ADDON: koffi in coroutines, loaded before stackful or after, together with another addon. Prints the
// results, and that of a later call outside, as JSON.
import { createRequire } from 'node:module';

const [what, when, crossings] = process.argv.slice(2);
const require = createRequire(import.meta.url);
if (when === 'early') require('koffi');
const { sleep, spawn, wait, yieldNow } = await import('stackful');
const koffi = require('koffi');

koffi.proto('int compare(const void *a, const void *b)');
const libc = koffi.load('libc.so.6');
const qsort = libc.func('void qsort(_Inout_ void *base, size_t count, size_t size, compare *by)');
const valueAt = (pointer) => koffi.decode(pointer, 'int');
/** Whether a sort is under way. */
let sorting = false;
/** Sorts three numbers, by a comparison in JavaScript that calls `inside`. */
function sort(inside) {
  const numbers = new Int32Array([3, 1, 2]);
  let thrown;
  qsort(numbers, numbers.length, 4, koffi.as((a, b) => {
    sorting = true;
    try { inside(); } catch (error) { thrown = error; }
    return valueAt(a) - valueAt(b);
  }, 'compare *'));
  sorting = false;
  return thrown ? { code: thrown.code, names: /addon koffi \(.*koffi.*\.node\)/.test(thrown.message) } : [...numbers].join();
}
const three = (body) => Promise.all([0, 1, 2].map((i) => spawn(() => body(() => sleep(2 + 2 * i)))));
const spin = (ms) => { const end = performance.now() + ms; while (performance.now() < end); };

const programs = {
  // First in, first out.
  parks: () => three(sort),
  yields: () => three(() => sort(() => yieldNow())),
  // An argument is looked at while koffi holds memory for the call.
  getter: () => {
    const length = libc.func('size_t wcslen(_In_ int *text)');
    return three((park) => {
      let seen;
      length(Object.defineProperty([0, 0], 0, { get() { try { park(); } catch (error) { seen = error.code; } return 0; } }));
      return seen;
    });
  },
  // Another addon in between: koffi is still below.
  below: () => {
    const addon = require(crossings);
    return three((park) => sort(() => addon.plain(park, 1)));
  },
  // A park is allowed below other addons' calls and builtins, and after calls of koffi's.
  others: () => {
    const addon = require(crossings);
    return three((park) => {
      const before = sort(() => {});
      park();
      return before + addon.plain(() => { const inside = sort(() => {}); park(); return inside; }, 1) + [3, 1, 2].sort((a, b) => { park(); return a - b; });
    });
  },
  plain: async () => [sort(() => {}), await spawn(() => sort(() => {}))],
  // On a thread of koffi's.
  async: () => three(() => wait(new Promise((done, fail) => {
    libc.func('int usleep(unsigned int us)').async(2000, (error, result) => { if (error) fail(error); else done(result); });
  }))),
  // No slice ends inside: the other coroutine runs before or after, and before this one has computed for long.
  slices: async () => {
    const order = [];
    const sorts = spawn(() => { const sorted = sort(() => spin(15)); spin(60); order.push(sorted); }, { timeSlice: 2 });
    const other = spawn(() => { order.push(sorting ? 'inside' : 'outside'); });
    await Promise.all([sorts, other]);
    return order;
  },
};
console.log(JSON.stringify([await programs[what](), sort(() => {})]));
