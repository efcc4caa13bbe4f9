import { isIP } from 'node:net';

import { interpose, type Calls } from '../internal/outside.js';
import type { Faults } from './faults.js';
import { Network } from './network.js';

type Done = (error: NodeJS.ErrnoException | null, value: unknown) => void;

/** Names are answered without asking anybody: numeric addresses and `localhost`. */
function names(faults: Faults): Calls {
  return {
    query(operation: string, subject: unknown, variant: readonly unknown[], _start: unknown, done: Done) {
      const name = String(subject);
      if (faults.name(operation, name)) return done(failure('EAI_AGAIN', operation, name), undefined);
      const address = isIP(name) !== 0 ? name : name === 'localhost' ? '127.0.0.1' : undefined;
      if (operation !== 'dns.lookup' || address === undefined) return done(failure('ENOTFOUND', operation, name), undefined);
      const found = { address, family: isIP(address) };
      done(null, variant[2] ? [found] : found);
    },
  };
}

function failure(code: string, operation: string, hostname: string): NodeJS.ErrnoException {
  const syscall = operation === 'dns.lookup' ? 'getaddrinfo' : operation.slice('dns.'.length);
  return Object.assign(new Error(`${syscall} ${code} ${hostname}`), { code, syscall, hostname, errno: undefined });
}

/** From now on sockets and names are those of a simulation, with what goes wrong in it. */
export function enterWorld(faults: Faults): void {
  const network = new Network(faults);
  interpose((room, real) => {
    if (room === 'net') return network.calls(real);
    if (room === 'fs') return faults.files(real);
    return room === 'dns' ? names(faults) : {};
  });
}

export function leaveWorld(): void {
  interpose(undefined);
}
