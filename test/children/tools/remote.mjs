// remote.mjs: twenty thousand switches, and one coroutine to stop in, for a debugger that is connected with --inspect-brk.
import { sleep, spawn, yieldNow } from 'stackful';

const others = Array.from({ length: 20 }, () => spawn(() => {
  for (let i = 0; i < 1000; i++) yieldNow();
  return 1;
}));
const answer = await spawn(function debuggedBody() {
  let local = 20;
  local += 1; // first stop
  sleep(2);
  local *= 2; // reached by stepping over the park
  return local;
});
const sum = (await Promise.all(others)).reduce((a, b) => a + b);
console.log(JSON.stringify({ answer, sum }));
