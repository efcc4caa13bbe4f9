// vm.mjs: code of other contexts in coroutines, and its timeouts; ends with "ok".
import assert from 'node:assert/strict';
import vm from 'node:vm';
import { sleep, spawn, wait, yieldNow } from 'stackful';

const parks = { sleep, yieldNow, wait, log: [] };
const script = new vm.Script('for (let i = 0; i < 5; i++) { yieldNow(); sleep(0.2); log.push(name + i); } [name].map((n) => (yieldNow(), n)).join()');
const names = await Promise.all(['a', 'b', 'c'].map((name) => spawn(() => script.runInContext(vm.createContext({ ...parks, name })))));
assert.deepEqual(names, ['a', 'b', 'c']);
assert.equal(parks.log.length, 15);

// A timeout ends the script that it is for, and no other coroutine.
const steady = spawn(() => {
  for (let i = 0; i < 40; i++) sleep(1);
  return 'steady';
});
const ended = await spawn(() => {
  const codes = [];
  for (let i = 0; i < 3; i++) {
    try {
      vm.runInNewContext('for (;;);', {}, { timeout: 10 });
    } catch (error) {
      codes.push(error.code);
    }
    yieldNow();
  }
  codes.push(vm.runInNewContext('1 + 1', {}, { timeout: 1000 }));
  return codes;
});
assert.deepEqual(ended, [...Array(3).fill('ERR_SCRIPT_EXECUTION_TIMEOUT'), 2]);
assert.equal(await steady, 'steady');
// Waiting inside one is refused: the time could be over while another coroutine runs.
for (const run of [
  () => vm.runInNewContext('sleep(1)', parks, { timeout: 1000 }),
  () => new vm.Script('yieldNow()').runInContext(vm.createContext(parks), { breakOnSigint: true }),
]) {
  await assert.rejects(spawn(run).then(), { code: 'ERR_ATOMIC_SECTION' });
}
assert.equal(await spawn(() => vm.runInNewContext('sleep(1); yieldNow(); 7', parks)), 7);

// A module's timeout is for what runs before its first await (--experimental-vm-modules).
if (vm.SourceTextModule) {
  const evaluate = (source, options) => {
    const module = new vm.SourceTextModule(source, { context: vm.createContext(parks) });
    wait(module.link(() => {}));
    wait(module.evaluate(options));
    return module.namespace.default;
  };
  const other = spawn(() => { for (let i = 0; i < 40; i++) sleep(1); return 'other'; });
  for (const options of [{ timeout: 20 }, { breakOnSigint: true }])
    await assert.rejects(spawn(() => evaluate('sleep(60); export default 1', options)).then(), { code: 'ERR_ATOMIC_SECTION' });
  await assert.rejects(spawn(() => evaluate('for (;;);', { timeout: 10 })).then(), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' });
  assert.equal(await spawn(() => evaluate('export default await Promise.resolve(2)', { timeout: 1000 })), 2);
  assert.equal(await spawn(() => evaluate('sleep(1); export default 3')), 3);
  assert.equal(await other, 'other');
}
console.log('ok');
