import { argumentsOf } from './arguments.js';
import { CliError, UsageError } from './errors.js';

/** How long to wait for a response, in milliseconds: a process whose thread is held does not respond. */
const PATIENCE_MS = 5_000;
const VIEWS = ['dump', 'graph', 'next', 'stats', 'metrics'] as const;
type View = (typeof VIEWS)[number];

const PATHS: Readonly<Record<View, string>> = { dump: '/dump', graph: '/graph', next: '/next', stats: '/stats.json', metrics: '/metrics' };

interface InspectArguments {
  target: number;
  view: View;
  host: string;
  limit: string | undefined;
  token: string | undefined;
}

function read(args: string[]): InspectArguments {
  const { values, positionals: [target, view = 'dump', ...others] } = argumentsOf({
    args,
    allowPositionals: true,
    options: { host: { type: 'string', default: '127.0.0.1' }, limit: { type: 'string' }, token: { type: 'string' } },
  });
  if (target === undefined || !/^\d+$/.test(target)) throw new UsageError('inspect: which process id or port?');
  if (!(VIEWS as readonly string[]).includes(view) || others.length > 0) {
    throw new UsageError(`inspect: one of ${VIEWS.join(', ')}, not ${[view, ...others].join(' ')}`);
  }
  if (values.limit !== undefined && !/^\d+$/.test(values.limit)) throw new UsageError(`--limit ${values.limit}: not a number`);
  if (values.token !== undefined && !/^[\w-]+$/.test(values.token)) throw new UsageError('--token: only letters, digits, "-" and "_"');
  return { target: Number(target), view: view as View, host: values.host, limit: values.limit, token: values.token };
}

/** The body of the response to a GET. */
async function request({ target, view, host, limit, token }: InspectArguments): Promise<string> {
  const { spawn, timeout } = await import('../index.js');
  const { connect } = await import('../net.js');
  const { inspectorPath } = await import('../inspect/peers.js');
  const open = () => {
    try {
      return connect({ path: inspectorPath(target) });
    } catch (error) {
      // No process with this id has an inspector, so it may be a port; ports end at 65535.
      if (target > 65535) throw error;
      return connect({ host, port: target });
    }
  };
  return spawn(() =>
    timeout(PATIENCE_MS, () => {
      using socket = open();
      const path = PATHS[view] + (view === 'dump' && limit !== undefined ? `?limit=${limit}` : '');
      const bearer = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`;
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${bearer}Connection: close\r\n\r\n`);
      const answer = Buffer.concat([...socket]).toString();
      const head = /^HTTP\/1\.1 (\d+)[^]*?\r\n\r\n/.exec(answer);
      if (head?.[1] === '401') throw new CliError(`the inspector at ${String(target)} wants the --token that its program has printed`);
      if (head?.[1] !== '200' || !/^content-type: (text\/plain|application\/json)/im.test(head[0])) {
        throw new CliError(`the server at ${String(target)} is no inspector of stackful`);
      }
      return answer.slice(head[0].length);
    }),
  );
}

/** `stackful inspect PID|PORT`: prints a view of the inspector there. */
export async function inspectCommand(args: string[]): Promise<void> {
  const given = read(args);
  let answer;
  try {
    answer = await request(given);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const where = String(given.target);
    if (code === 'ERR_TIMEOUT') {
      throw new CliError(
        `${where} does not answer: something holds its thread. If it called configure({ dumpSignal: 'SIGUSR2' }), ` +
          `kill -USR2 makes it print its coroutines`,
        { cause: error },
      );
    }
    if (code === undefined || code.startsWith('ERR_')) throw error;
    throw new CliError(`no inspector at ${where} (${code}): the program has to call inspect() of stackful/inspect`, { cause: error });
  }
  if (given.view === 'stats') answer = `${JSON.stringify(JSON.parse(answer), undefined, 2)}\n`;
  process.stdout.write(answer.endsWith('\n') ? answer : `${answer}\n`);
}
