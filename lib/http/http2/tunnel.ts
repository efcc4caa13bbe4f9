import { check } from '../../internal/codes.js';
import type { Carrier } from '../../websocket/carrier.js';
import { httpFinish, httpReadBody, httpWrite } from '../native.js';
import { http2CloseTunnel, http2Queued } from './native.js';

const MOST_READ = 64 * 1024;

/** A stream that carries another protocol both ways (RFC 8441). Its number is one that native code takes where it takes a socket's. */
export class Tunnel implements Carrier {
  readonly closesCleanly = true;

  constructor(
    /** The stream's number. */
    readonly handle: number,
  ) {}

  get buffered(): number {
    return http2Queued(this.handle);
  }

  read(): Buffer | null {
    const room = Buffer.allocUnsafe(MOST_READ);
    const n = check(httpReadBody(this.handle, room, 0), 'tunnel.read', 'read');
    return n === 0 ? null : room.subarray(0, n);
  }

  write(data: Uint8Array): void {
    check(httpWrite(this.handle, data), 'tunnel.write', 'write');
  }

  end(): void {
    check(httpFinish(this.handle), 'tunnel.end', 'write');
  }

  close(): void {
    http2CloseTunnel(this.handle);
  }
}
