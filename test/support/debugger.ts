import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { WebSocket } from 'undici';

export type Message = Record<string, unknown>;
type Answer = { id?: number; method?: string; params: Message; result?: Message; error?: { message: string } };

/** A child process with --inspect-brk, and a debugger's connection to it: DevTools protocol over a WebSocket. */
export async function debugChild(name: string) {
  const file = fileURLToPath(new URL(`../children/${name}`, import.meta.url));
  const child = spawn(process.execPath, ['--inspect-brk=127.0.0.1:0', file], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  const exit = once(child, 'close').then(([code, signal]) => ({ exit: (code ?? signal) as number | string, stdout }));
  let url: string | undefined;
  for await (const line of createInterface(child.stderr)) if ((url = /ws:\S+/.exec(line)?.[0])) break;
  child.stderr.resume();
  if (!url) throw new Error('the child does not listen for a debugger');

  const socket = new WebSocket(url);
  const waiting = new Map<number, { resolve: (result: Message) => void; reject: (error: Error) => void }>();
  const listeners = new Map<string, (params: Message) => void>();
  socket.addEventListener('message', ({ data }) => {
    const { id, method, params, result, error } = JSON.parse(String(data)) as Answer;
    if (method) listeners.get(method)?.(params);
    const asked = waiting.get(id ?? 0);
    waiting.delete(id ?? 0);
    if (error) asked?.reject(new Error(error.message));
    else asked?.resolve(result ?? {});
  });
  socket.addEventListener('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('the debugger is disconnected'));
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });

  let last = 0;
  return {
    url: pathToFileURL(file).href,
    file,
    exit,
    on(event: string, listener: (params: Message) => void): void { listeners.set(event, listener); },
    send(method: string, params: Message = {}): Promise<Message> {
      const answer = new Promise<Message>((resolve, reject) => waiting.set(++last, { resolve, reject }));
      socket.send(JSON.stringify({ id: last, method, params }));
      return answer;
    },
    disconnect(): void { socket.close(); },
  };
}
