// debugged.mjs: a worker's inspector session debugs this thread: stops inside a coroutine, evaluates, steps over a park.
// Prints what the session has seen, as JSON.
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

if (isMainThread) {
  const { sleep, spawn, yieldNow } = await import('stackful');
  const worker = new Worker(fileURLToPath(import.meta.url), { workerData: import.meta.url });
  await once(worker, 'message');
  const others = Array.from({ length: 20 }, () => spawn(() => {
    for (let i = 0; i < 500; i++) yieldNow();
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
  worker.postMessage('done');
  const [seen] = await once(worker, 'message');
  console.log(JSON.stringify({ answer, sum, seen }));
} else {
  const { Session } = await import('node:inspector/promises');
  const { readFileSync } = await import('node:fs');
  const session = new Session();
  session.connectToMainThread();
  const alive = setInterval(() => {}, 1000); // a session does not keep its thread alive
  const seen = [];
  const steps = ['Debugger.stepOver', 'Debugger.stepOver', 'Debugger.resume'];
  session.on('Debugger.paused', ({ params }) => {
    const frame = params.callFrames[0];
    session
      .post('Debugger.evaluateOnCallFrame', { callFrameId: frame.callFrameId, expression: 'local' })
      .then(({ result }) => {
        seen.push([frame.functionName, frame.location.lineNumber, result.value, params.callFrames.length > 1]);
        return session.post(steps.shift() ?? 'Debugger.resume');
      });
  });
  await session.post('Runtime.enable');
  await session.post('Debugger.enable');
  const lines = readFileSync(fileURLToPath(workerData), 'utf8').split('\n');
  const lineNumber = lines.findIndex((line) => line.includes('// first stop'));
  await session.post('Debugger.setBreakpointByUrl', { url: workerData, lineNumber });
  parentPort.postMessage('ready');
  await once(parentPort, 'message');
  parentPort.postMessage(seen.map(([name, line, ...rest]) => [name, line - lineNumber, ...rest]));
  session.disconnect();
  clearInterval(alive);
}
