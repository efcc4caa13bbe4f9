// child_processes.mjs NAME: one of the programs below. Each prints what its test compares.
import nodes from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import { spawn as go } from 'stackful';
import { exec, execFile, spawn } from 'stackful/child_process';

const statOf = (pid) => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};
const childrenOfThis = () => readdirSync('/proc').filter((name) => {
  try {
    return /^\d+$/.test(name) && statOf(name)[1] === String(process.pid);
  } catch {
    return false;
  }
});
const eventually = async (condition) => {
  while (!condition()) await new Promise((done) => { setTimeout(done, 5); });
};

const programs = {
  /** Workers are terminated while they wait for children; the children end later, and are reaped. */
  async workers() {
    const program = `
      import { parentPort } from 'node:worker_threads';
      import { spawn as go } from '${import.meta.resolve('stackful')}';
      import { execFile, spawn } from '${import.meta.resolve('stackful/child_process')}';
      go(() => { const child = spawn('sleep', ['0.2']); parentPort.postMessage(child.pid); child.wait(); });
      go(() => execFile('sleep', ['0.2']));
      go(() => { for (;;) execFile('true'); });
    `;
    for (let i = 0; i < 8; i++) {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`));
      await once(worker, 'message');
      await new Promise((done) => { setTimeout(done, i); });
      await worker.terminate();
    }
    await eventually(() => childrenOfThis().length === 0);
    console.log((await go(() => execFile('echo', ['still works']))).stdout.trim());
  },

  /** Both modules at once, and a handler of SIGCHLD: nobody loses a child to another. */
  async both() {
    let signals = 0;
    process.on('SIGCHLD', () => { signals++; });
    const theirs = promisify(nodes.execFile);
    const all = Array.from({ length: 10 }, async (_, i) => {
      for (let k = 0; k < 20; k++) {
        const text = `${i}/${k}`;
        const outcomes = await Promise.all([theirs('echo', [text]), go(() => execFile('echo', [text]))]);
        if (outcomes.some(({ stdout }) => stdout !== `${text}\n`)) throw new Error(JSON.stringify(outcomes));
        const code = await theirs('sh', ['-c', `exit ${k + 1}`]).catch((error) => error.code);
        if (code !== k + 1) throw new Error(`exit code ${code}`);
      }
    });
    await Promise.all(all);
    await eventually(() => childrenOfThis().length === 0);
    console.log(signals > 0 ? 'ok' : 'no signal');
    process.exit();
  },

  /** Only waiting keeps the process alive. */
  async alive() {
    await go(() => { spawn('sleep', ['1000'], { stdio: 'ignore' }); });
    await go(() => console.log(spawn('sh', ['-c', 'sleep 0.05; exit 3'], { stdio: 'ignore' }).wait().code));
    nodes.execFileSync('pkill', ['-P', String(process.pid), 'sleep']);
  },

  /** Under the permission model. */
  async permission() {
    const refused = (call) => {
      try {
        return call();
      } catch ({ code, permission, message }) {
        return { code, permission, message };
      }
    };
    console.log(JSON.stringify([
      await go(() => refused(() => execFile('true'))),
      await go(() => refused(() => exec('true'))),
      await go(() => refused(() => spawn('true'))),
      refused(() => nodes.execFileSync('true')),
    ]));
  },

  /** With a terminal, the child is in our group; what it has started is ended all the same. */
  async terminal() {
    const group = (await go(() => exec('cut -d" " -f5 /proc/$$/stat'))).stdout.trim();
    const call = go(() => exec('sleep 4321.5 & sleep 4321.5; echo'));
    const begun = () => readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1') === 'sleep\x004321.5\0' && statOf(pid)[0] !== 'Z';
      } catch {
        return false;
      }
    }).length;
    await eventually(() => begun() === 2);
    call.cancel();
    await call.promise.catch(() => {});
    await eventually(() => begun() === 0);
    console.log(group === statOf('self')[2] ? 'our group' : 'a group of its own');
  },
};

await programs[process.argv[2]]();
