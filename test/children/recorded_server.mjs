/**
 * A bank that answers over TCP, with a race: what it has read of the balance is old when it pays. `record FILE LIMITS` serves clients in
 * another process until the balance is wrong, and records; `replay FILE LIMITS` runs the same server from the recording alone.
 */
import { record, simulate, spawn, yieldNow } from 'stackful';
import { readFile } from 'stackful/fs';
import { connect, listen } from 'stackful/net';

const [, , mode, file, limits] = process.argv;

function server(told) {
  const account = { balance: 100 };
  const listener = listen({ host: '127.0.0.1', port: 0 });
  told?.(listener.address.port);
  const serve = (socket) => {
    for (let line = socket.readLine(); line !== null; line = socket.readLine()) {
      const amount = Number(line);
      const { balance } = account;
      const least = Number(readFile(limits, 'utf8'));
      socket.write(`checking at ${Math.floor(Date.now())} ${Math.random()}\n`);
      socket.readLine(); // the client confirms: another one may come in between
      if (balance - amount < least) {
        socket.write('refused\n');
        continue;
      }
      account.balance -= amount;
      if (account.balance < least) throw new Error(`the balance is ${account.balance} on request ${line}`);
      socket.write('paid\n');
    }
  };
  const handlers = [];
  for (let i = 0; i < 3; i++) {
    const socket = listener.accept();
    handlers.push(spawn(() => serve(socket), { name: `client ${i}` }));
  }
  for (const handler of handlers) handler.join();
}

function client(port, amounts) {
  const socket = connect({ host: '127.0.0.1', port });
  for (const amount of amounts) {
    socket.write(`${amount}\n`);
    if (socket.readLine() === null) return;
    for (let i = 0; i < amount; i++) yieldNow();
    socket.write('yes\n');
    if (socket.readLine() === null) return;
  }
  socket.end();
}

const outcome = async (promise) => {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return error.cause ? `${error.cause.code ?? ''} ${error.cause.message}` : ` ${error.message}`;
  }
};

if (mode === 'record') {
  // Several handlers may fail before the first is told of.
  let told = false;
  const tell = (text) => {
    if (!told) console.log(text);
    told = true;
  };
  // As any server that fails: the trace is complete all the same.
  process.on('unhandledRejection', (error) => {
    tell(` ${error.message}`);
    process.exit(1);
  });
  let port;
  const done = record({ file }, () => server((at) => { port = at; }));
  const clients = new Promise((resolve) => setTimeout(resolve, 50)).then(() => fetchFromOutside(port));
  tell(await outcome(done));
  await clients;
} else if (mode === 'clients') {
  const amounts = [[30, 5], [50, 7], [40, 3]];
  await Promise.allSettled(amounts.map((list) => spawn(() => client(Number(file), list))));
} else {
  console.log(await outcome(simulate({ replay: file }, () => server())));
}

/** In another process: its coroutines are no part of the recording. */
async function fetchFromOutside(port) {
  const { spawn: start } = await import('node:child_process');
  const child = start(process.execPath, [new URL(import.meta.url).pathname, 'clients', String(port)], { stdio: 'ignore' });
  await new Promise((resolve) => child.on('close', resolve));
}
