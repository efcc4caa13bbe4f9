// inspected.mjs: 20,000 switches with a debugger attached, a CPU profile and precise coverage running.
import { once } from 'node:events';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

if (isMainThread) {
  const { spawn, yieldNow } = await import('stackful');
  const worker = new Worker(fileURLToPath(import.meta.url));
  await once(worker, 'message');
  const counts = await Promise.all(Array.from({ length: 20 }, () => spawn(() => {
    let n = 0;
    for (; n < 1000; n++) {
      yieldNow();
      try {
        if (n % 100 === 0) throw new Error('caught');
      } catch {
        yieldNow();
      }
    }
    return n;
  })));
  worker.postMessage('done');
  const [samples] = await once(worker, 'message');
  // Node aborts when a worker ends while the main thread still takes its session apart: no hurry here.
  await once(worker, 'message');
  await new Promise((resolve) => setTimeout(resolve, 100));
  await worker.terminate();
  console.log(counts.every((n) => n === 1000) && samples > 0 ? 'ok' : `wrong: ${samples} samples`);
} else {
  const { Session } = await import('node:inspector/promises');
  const session = new Session();
  session.connectToMainThread();
  setInterval(() => {}, 1000); // a session does not keep its thread alive
  for (const method of ['Runtime.enable', 'Debugger.enable', 'Profiler.enable']) await session.post(method);
  await session.post('Debugger.setAsyncCallStackDepth', { maxDepth: 8 });
  await session.post('Debugger.setPauseOnExceptions', { state: 'uncaught' });
  await session.post('Profiler.startPreciseCoverage', { callCount: true });
  await session.post('Profiler.setSamplingInterval', { interval: 100 });
  await session.post('Profiler.start');
  parentPort.postMessage('ready');
  await once(parentPort, 'message');
  const { profile } = await session.post('Profiler.stop');
  parentPort.postMessage(profile.samples.length);
  session.disconnect();
  parentPort.postMessage('disconnected');
}
