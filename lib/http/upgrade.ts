import { Socket } from '../net/socket.js';
import { refuseUnknown } from './known.js';
import { agree, type UpgradeOptions } from '../websocket/accept.js';
import { hasToken, isKey } from '../websocket/handshake.js';
import { settingsOf, WEBSOCKET_OPTIONS } from '../websocket/options.js';
import { allowsOrigin } from '../websocket/origins.js';
import { WebSocket } from '../websocket/websocket.js';
import { HttpError } from './errors.js';
import type { Exchange } from './exchange.js';
import { fieldsOf, type ResponseHeaders } from './fields.js';
import type { Request } from './request.js';

const KNOWN = [...WEBSOCKET_OPTIONS, 'protocols', 'origins', 'headers'] as const;
const VERSION = '13';
/** What a client is told that has to ask for another protocol, or for another version of it. */
const WANTED = { 'Upgrade': 'websocket', 'Sec-WebSocket-Version': VERSION } as const;

/** See Request.upgrade. */
export function upgrade(request: Request, connection: Exchange, options: UpgradeOptions): WebSocket {
  refuseUnknown('options', options, KNOWN);
  const settings = settingsOf(options);
  const key = checkedKey(request);
  const { headers } = request;
  if (!allowsOrigin(options.origins, headers.get('origin'))) {
    throw new HttpError(403, 'a page of this origin may not connect', { code: 'ERR_HTTP_ORIGIN_REFUSED' });
  }
  const asked = { key, protocols: headers.get('sec-websocket-protocol'), extensions: headers.get('sec-websocket-extensions') };
  const { agreement, lines } = agree(asked, options, settings);
  const more = options.headers ? fieldsOf(options.headers, 200).lines : '';
  let serverCloses = false;
  const made: { socket?: WebSocket } = {};
  // A WebSocket may last for days.
  connection.endUnit();
  const below = connection.openTunnel({
    serverCloses: () => {
      serverCloses = true;
      made.socket?.closeLater();
    },
    expects: (failure) => made.socket?.hasThrown(failure) ?? false,
    over: (failure) => { made.socket?.over(failure); },
  }, lines + more);
  const received = below instanceof Socket ? below.surplus.take(below.surplus.length) : undefined;
  const socket = (made.socket = new WebSocket(below, { ...agreement, ...(received && { received }) }));
  if (serverCloses) socket.closeLater();
  return socket;
}

/** The client's key, which there is none of over HTTP/2; throws what answers a request that asks for no WebSocket, or not properly. */
function checkedKey(request: Request): string | undefined {
  const { headers } = request;
  const refuse = (message: string, status = 400, more?: ResponseHeaders) =>
    new HttpError(status, message, { code: 'ERR_HTTP_NO_WEBSOCKET', ...(more && { headers: more }) });
  if (!hasToken(headers.get('upgrade'), 'websocket')) {
    throw refuse('this resource is a WebSocket', 426, WANTED);
  }
  const tunnel = request.asksForTunnel;
  if (request.method !== 'GET') throw refuse('a WebSocket is asked for with GET');
  if (request.httpVersion === '1.0') throw refuse('a WebSocket is asked for with HTTP/1.1 or HTTP/2');
  if (!tunnel && !hasToken(headers.get('connection'), 'upgrade')) throw refuse('the header Connection does not say Upgrade');
  if (headers.get('sec-websocket-version') !== VERSION) {
    throw refuse(`the version of WebSocket is ${VERSION}`, 426, WANTED);
  }
  if (tunnel) return undefined;
  const key = headers.get('sec-websocket-key');
  if (!isKey(key)) throw refuse('the header Sec-WebSocket-Key is missing or malformed');
  return key;
}
