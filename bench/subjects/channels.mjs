// channels.mjs TIMES SUBJECT: messages from one worker thread to another, each subject in a process of its own.
import { once } from 'node:events';
import { MessageChannel, Worker, isMainThread, workerData } from 'node:worker_threads';

/** What is sent, and how many for each of TIMES. */
const MESSAGES = {
  number: [42, 1],
  text: ['a short message of text', 1],
  object: [{ id: 17, name: 'some name', tags: ['a', 'b'] }, 0.25],
  'bytes-1k': [new Uint8Array(1024), 0.25],
};
const TRIPS = 0.02;

/** A thread that counts what comes on one side until the end, and sends each message back on the other while `trips` are asked for. */
const ends = {
  async stackful({ there, back, count, trips }) {
    const { SharedChannel, spawn } = await import('stackful');
    const [from, to] = [there, back].map((handle) => SharedChannel.from(handle));
    await spawn(() => {
      to.send('ready');
      for (let i = 0; i < count; i++) from.receive();
      to.send('done');
      for (let i = 0; i < trips; i++) to.send(from.receive());
    });
  },
  'message-port'({ there, back, count, trips }) {
    let left = count;
    there.on('message', (message) => {
      if (left > 0) {
        if (--left === 0) back.postMessage('done');
        return;
      }
      back.postMessage(message);
      if (--trips === 0) there.close();
    });
    back.postMessage('ready');
  },
};

const subjects = {
  async stackful(message, count, trips) {
    const { SharedChannel, spawn } = await import('stackful');
    const [there, back] = [new SharedChannel(), new SharedChannel()];
    const workerData = { end: 'stackful', there: there.handle, back: back.handle, count, trips };
    const worker = new Worker(new URL(import.meta.url), { workerData });
    const times = await spawn(() => {
      back.receive();
      const began = performance.now();
      for (let i = 0; i < count; i++) there.send(message);
      back.receive();
      const middle = performance.now();
      for (let i = 0; i < trips; i++) {
        there.send(message);
        back.receive();
      }
      return [middle - began, performance.now() - middle];
    });
    await once(worker, 'exit');
    return times;
  },
  async 'message-port'(message, count, trips) {
    const [a, b] = [new MessageChannel(), new MessageChannel()];
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { end: 'message-port', there: a.port2, back: b.port2, count, trips }, transferList: [a.port2, b.port2],
    });
    const receive = () => new Promise((resolve) => b.port1.once('message', resolve));
    await receive();
    const began = performance.now();
    const done = receive();
    for (let i = 0; i < count; i++) a.port1.postMessage(message);
    await done;
    const middle = performance.now();
    for (let i = 0; i < trips; i++) {
      const answer = receive();
      a.port1.postMessage(message);
      await answer;
    }
    const ended = performance.now();
    b.port1.close();
    await once(worker, 'exit');
    return [middle - began, ended - middle];
  },
};

if (isMainThread) {
  const [times, subject] = [Number(process.argv[2]), process.argv[3]];
  const samples = [];
  for (const [what, [message, share]] of Object.entries(MESSAGES)) {
    const count = times * share;
    const trips = times * TRIPS;
    const [oneWay, thereAndBack] = await subjects[subject](message, count, trips);
    samples.push({ subject, metric: `${what}_ns`, value: (oneWay * 1e6) / count, unit: 'ns' });
    if (what === 'number') samples.push({ subject, metric: 'there_and_back_ns', value: (thereAndBack * 1e6) / trips, unit: 'ns' });
  }
  console.log(JSON.stringify(samples));
} else {
  await ends[workerData.end](workerData);
}
