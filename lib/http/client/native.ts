import { native } from '../../internal/native.js';
import { seam } from '../../internal/outside.js';

/** The exports of native/binding/http_client.cc. `socket` is a socket's number of lib/net; a negative result is a code. */
interface HttpClientNative {
  /** Sends a head, as Latin-1. Parks. */
  httpClientSend: (socket: number, head: string) => number;
  /** What has arrived, 0 at the end of the stream. ETIMEDOUT after `ms` milliseconds; negative: no limit. Parks. */
  httpClientRead: (socket: number, ms: number) => Buffer | number;
  /** The same; tells in `told` of the head that the bytes begin with. Parks. */
  httpClientReadHead: (socket: number, ms: number, told: Float64Array, mostBytes: number, mostFields: number) => Buffer | number;
  httpClientParse: (bytes: Uint8Array, length: number, told: Float64Array, mostBytes: number, mostFields: number) => void;
  /** Name, value, name, value, ... */
  httpClientFields: (bytes: Uint8Array, length: number, trailer: boolean) => string[];
  httpClientField: (bytes: Uint8Array, length: number, name: string) => string | undefined;
  httpClientReason: (bytes: Uint8Array, length: number) => string;
  /** Decodes a body in chunks where it lies. */
  httpClientDecode: (state: Uint8Array, bytes: Uint8Array, from: number, to: number, told: Float64Array) => void;
}

const originals = native as unknown as HttpClientNative;

/** What reads bytes that are there is no call to the outside. */
export const { httpClientParse, httpClientFields, httpClientField, httpClientReason, httpClientDecode } = originals;
export let { httpClientSend, httpClientRead, httpClientReadHead } = originals;

seam('http client', originals, (calls) => { ({ httpClientSend, httpClientRead, httpClientReadHead } = calls); });

/**
 * What the last call has told, read before another coroutine can run. Of a head: {@link COMPLETE}, 0 when more is needed, or -1 and the
 * fault; then its length, the status, flags, and the Content-Length or -1. Of a piece in chunks: {@link COMPLETE} at its end, 0 or -1;
 * the position behind what was used; bytes of payload; where the trailer's bytes begin and end. Of HTTP/2, the last number is
 * {@link COMPLETE} when nothing comes behind the bytes.
 */
export const told = new Float64Array(6);
export const COMPLETE = 1;

/** The flags of a head. */
export const HTTP_1_1 = 1;
export const KEEP_ALIVE = 2;
export const CHUNKED = 4;
export const UPGRADE = 8;

/** The size of the state of {@link HttpClientNative.httpClientDecode}, which is all zero at first. */
export const CHUNKED_STATE = 32;
