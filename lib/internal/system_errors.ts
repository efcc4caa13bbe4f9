import { getSystemErrorMap, getSystemErrorName } from 'node:util';

/** Errors of system calls, as Node words them: of files with the description of the code, of sockets with the address. */

/** The properties of a file's error besides its code, in the order in which Node prints them. */
export interface Paths {
  path?: string;
  dest?: string;
}

/** Those of a socket's; `port` is absent for Unix sockets. */
export interface Endpoint {
  address: string;
  port?: number;
}

const descriptions = new Map([...getSystemErrorMap()].map(([code, [, text]]) => [code, text] as const));
const describe = (number: number) => descriptions.get(number) ?? 'unknown error';

type Caller = (...args: never[]) => unknown;

/** The stack begins at the call of `caller`. */
function made(
  message: string,
  number: number,
  code: string,
  syscall: string,
  details: object | undefined,
  caller: Caller,
): NodeJS.ErrnoException {
  const error = new Error(message);
  Error.captureStackTrace(error, caller);
  return Object.assign(error, { errno: number, code, syscall }, details);
}

/** `ENOENT: no such file or directory, open '/x'`: of a call on a file, or on nothing in particular. */
export function systemError(number: number, syscall: string, { path, dest }: Paths = {}): NodeJS.ErrnoException {
  const code = getSystemErrorName(number);
  const of = path === undefined ? '' : ` '${path}'${dest === undefined ? '' : ` -> '${dest}'`}`;
  const details = { ...(path !== undefined && { path }), ...(dest !== undefined && { dest }) };
  return made(`${code}: ${describe(number)}, ${syscall}${of}`, number, code, syscall, details, systemError);
}

/** `connect ECONNREFUSED 127.0.0.1:80`: of a call on a socket. */
export function socketError(number: number, syscall: string, at?: Endpoint): NodeJS.ErrnoException {
  const code = getSystemErrorName(number);
  // Node describes the error of listen and of no other call on a socket.
  const description = syscall === 'listen' ? `: ${describe(number)}` : '';
  const where = at ? ` ${at.address}${at.port === undefined ? '' : `:${String(at.port)}`}` : '';
  return made(`${syscall} ${code}${description}${where}`, number, code, syscall, at, socketError);
}
