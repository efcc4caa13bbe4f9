import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createRequire } from 'node:module';

interface Message {
  type: 'response' | 'event';
  request_seq?: number;
  event?: string;
  success?: boolean;
  message?: string;
  body?: any;
}

/** A tsserver, as editors run it: requests go to its standard input, a line each; what it says has a header with its length. */
export class TsServer {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly waiting: ((message: Message) => boolean)[] = [];
  private number = 0;
  private buffered = Buffer.alloc(0);
  private readonly events: Message[] = [];

  constructor(cwd: string, args: readonly string[] = []) {
    const file = createRequire(import.meta.url).resolve('typescript/lib/tsserver.js');
    this.child = spawn(process.execPath, [file, '--disableAutomaticTypingAcquisition', '--suppressDiagnosticEvents', ...args], { cwd });
    this.child.stdout.on('data', (bytes: Buffer) => { this.read(bytes); });
  }

  private read(bytes: Buffer): void {
    this.buffered = Buffer.concat([this.buffered, bytes]);
    for (;;) {
      const header = /^Content-Length: (\d+)\r\n\r\n/.exec(this.buffered.toString('latin1', 0, 60));
      if (!header || this.buffered.length < header[0].length + Number(header[1])) return;
      const end = header[0].length + Number(header[1]);
      const message = JSON.parse(this.buffered.toString('utf8', header[0].length, end)) as Message;
      this.buffered = this.buffered.subarray(end);
      const index = this.waiting.findIndex((takes) => takes(message));
      if (index >= 0) this.waiting.splice(index, 1);
      else if (message.type === 'event') this.events.push(message);
    }
  }

  /** Sends a request that has no answer. */
  notify(command: string, args: object): void {
    this.child.stdin.write(`${JSON.stringify({ seq: ++this.number, type: 'request', command, arguments: args })}\n`);
  }

  /** Sends a request, and returns the body of the answer. */
  async ask(command: string, args: object): Promise<any> {
    this.notify(command, args);
    const seq = this.number;
    const answer = await new Promise<Message>((resolve) => {
      this.waiting.push((message) => {
        if (message.type !== 'response' || message.request_seq !== seq) return false;
        resolve(message);
        return true;
      });
    });
    if (!answer.success) throw new Error(answer.message);
    return answer.body;
  }

  /** Ends it. */
  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.notify('exit', {});
    await ended;
  }
}
