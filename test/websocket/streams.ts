// WebSockets over streams of HTTP/2, opened by the client of node:http2.
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2';

import type { UpgradeOptions, WebSocket } from 'stackful/websocket';

import { session } from '../http/http2/peers.js';
import { RawClient, served } from './peers.js';

export interface Opened {
  client: RawClient;
  stream: ClientHttp2Stream;
  status: number;
  headers: IncomingHttpHeaders;
}

/** A session that knows that the server takes extended CONNECT. */
export async function ready(...args: Parameters<typeof session>): Promise<ClientHttp2Session> {
  const made = session(...args);
  await once(made, 'remoteSettings');
  return made;
}

export async function open(on: ClientHttp2Session, more: OutgoingHttpHeaders = {}): Promise<Opened> {
  const stream = on.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', 'sec-websocket-version': '13', ...more });
  const client = RawClient.over(stream);
  const [headers] = await once(stream, 'response') as [IncomingHttpHeaders];
  return { client, stream, status: Number(headers[':status']), headers };
}

export const overHttp2 = (handler: (socket: WebSocket) => unknown, options: UpgradeOptions = {}) => served(handler, options, { http2: true });

/** The code with which a stream has ended. */
export async function ended(stream: ClientHttp2Stream): Promise<number> {
  if (!stream.closed) await once(stream, 'close');
  return stream.rstCode;
}

export const CANCEL = 8;
