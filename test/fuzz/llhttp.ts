/** Reads with llhttp, Node's own parser, which undici ships as WebAssembly. */
import { createRequire } from 'node:module';
import type { Message, Reading } from './reading.js';

interface Exports {
  memory: { buffer: ArrayBuffer };
  llhttp_alloc: (type: number) => number;
  llhttp_free: (parser: number) => void;
  llhttp_execute: (parser: number, data: number, length: number) => number;
  llhttp_get_method: (parser: number) => number;
  llhttp_get_http_minor: (parser: number) => number;
  llhttp_get_upgrade: (parser: number) => number;
  llhttp_get_error_reason: (parser: number) => number;
  malloc: (size: number) => number;
}

const REQUEST = 1;
const ROOM = 1 << 16;

const require = createRequire(import.meta.url);
const constants = require('undici/lib/llhttp/constants.js') as {
  METHODS: Record<string, number>;
  ERROR: Record<string, number>;
};
const METHOD_NAMES = new Map(Object.entries(constants.METHODS).map(([name, number]) => [number, name]));
const ERROR_NAMES = new Map(Object.entries(constants.ERROR).map(([name, number]) => [number, name]));
/** The rest of the input behind a message that ends the connection. */
const OVER = new Set(['PAUSED_UPGRADE', 'PAUSED_H2_UPGRADE', 'CLOSED_CONNECTION']);

let messages: Message[] = [];
let message: Message;
let begun = 0;
let inValue = false;

/** Trailer fields come through the same callbacks, after the head is complete. */
const inTrailer = (): boolean => messages.at(-1) === message;
const text = (at: number, length: number): string => Buffer.from(llhttp.memory.buffer).toString('latin1', at, at + length);

// The types of Node 20 have no WebAssembly.
const { Module, Instance } = (globalThis as any).WebAssembly;
const llhttp = new Instance(new Module(require('undici/lib/llhttp/llhttp-wasm.js')), {
  env: {
    wasm_on_message_begin: () => {
      begun++;
      message = { method: '', target: '', minor: 0, headers: [], body: '', keepAlive: false, complete: false };
      inValue = true;
      return 0;
    },
    wasm_on_url: (_parser: number, at: number, length: number) => {
      message.target += text(at, length);
      return 0;
    },
    wasm_on_status: () => 0,
    wasm_on_header_field: (_parser: number, at: number, length: number) => {
      if (inTrailer()) return 0;
      const { headers } = message;
      if (inValue) headers.push('', '');
      inValue = false;
      headers[headers.length - 2] += text(at, length);
      return 0;
    },
    wasm_on_header_value: (_parser: number, at: number, length: number) => {
      if (inTrailer()) return 0;
      inValue = true;
      message.headers[message.headers.length - 1] += text(at, length);
      return 0;
    },
    wasm_on_headers_complete: (parser: number, _status: number, _upgrade: number, keepAlive: number) => {
      message.method = METHOD_NAMES.get(llhttp.llhttp_get_method(parser)) ?? '?';
      message.minor = llhttp.llhttp_get_http_minor(parser);
      message.keepAlive = keepAlive !== 0;
      // llhttp leaves blanks behind a value to its caller.
      message.headers = message.headers.map((each) => each.replace(/[ \t]+$/, ''));
      messages.push(message);
      return 0;
    },
    wasm_on_body: (_parser: number, at: number, length: number) => {
      message.body += text(at, length);
      return 0;
    },
    wasm_on_message_complete: () => {
      message.complete = true;
      return 0;
    },
  },
}).exports as Exports;
const input = llhttp.malloc(ROOM);

/** At most 64 KiB. */
export function readWithLlhttp(bytes: Buffer): Reading {
  messages = [];
  begun = 0;
  const parser = llhttp.llhttp_alloc(REQUEST);
  bytes.copy(Buffer.from(llhttp.memory.buffer), input);
  const error = ERROR_NAMES.get(llhttp.llhttp_execute(parser, input, bytes.length)) ?? '?';
  let reason = error;
  if (error !== 'OK') {
    const at = llhttp.llhttp_get_error_reason(parser);
    const memory = Buffer.from(llhttp.memory.buffer);
    if (at !== 0) reason += `: ${memory.toString('latin1', at, memory.indexOf(0, at))}`;
  }
  llhttp.llhttp_free(parser);
  const end = error === 'OK' ? 'more' : OVER.has(error) ? 'over' : 'error';
  return { messages, end, reason, at: begun };
}
