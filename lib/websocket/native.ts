import { randomBytes } from 'node:crypto';

import '../internal/buffers.js';
import { native } from '../internal/native.js';
import { seam } from '../internal/outside.js';

/** The exports of native/binding/websocket.cc. A record is what has been received of one WebSocket; sockets are those of net. */
interface WebSocketNative {
  wsOpen: (masked: boolean, mayBeCompressed: boolean, mostBytes: number, lends: boolean) => number;
  wsFree: (record: number) => void;
  /** A message, or a number: see {@link Found}. `socket` -1: EAGAIN when bytes have to be fed. Parks. */
  wsReceive: (record: number, socket: number, ms: number) => string | Buffer | number;
  wsFeed: (record: number, bytes: Uint8Array) => number;
  wsTake: (record: number, control: boolean) => Buffer | undefined;
  wsSend: (record: number, socket: number, first: number, data: string | Uint8Array, masked: boolean) => number;
  wsFrame: (first: number, data: string | Uint8Array, masked: boolean) => Buffer | undefined;
  wsBroadcast: (sockets: Int32Array, frame: Uint8Array) => void;
}

const outside = native as unknown as WebSocketNative;
const originals = {
  wsOpen: outside.wsOpen, wsFree: outside.wsFree, wsReceive: outside.wsReceive, wsFeed: outside.wsFeed, wsTake: outside.wsTake,
  wsSend: outside.wsSend, wsBroadcast: outside.wsBroadcast,
  /** Of a client's handshake; the server's answer belongs to it. */
  wsKey: (): string => randomBytes(16).toString('base64'),
};

/** Makes bytes of its arguments alone, so that it is no call to the outside. */
export const { wsFrame } = outside;
export let { wsOpen, wsFree, wsReceive, wsFeed, wsTake, wsSend, wsBroadcast, wsKey } = originals;

seam('websocket', originals, (calls) => { ({ wsOpen, wsFree, wsReceive, wsFeed, wsTake, wsSend, wsBroadcast, wsKey } = calls); });

/** The first byte of a frame. */
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;
export const FINAL = 0x80;
export const COMPRESSED = 0x40;

/** What the numbers of `wsReceive` tell besides opcodes of control frames, 0 for the end of the stream, and codes. */
export const COMPRESSED_TEXT = 17;
export const COMPRESSED_BYTES = 18;
/** From here on: a violation. */
export const VIOLATIONS = 32;
