import { functionOf, invalidType } from '../internal/arguments.js';
import { Deflate } from './deflate.js';
import { acceptOffer } from './extensions.js';
import { acceptKey, listIn, protocolsOf } from './handshake.js';
import type { Settings, WebSocketOptions } from './options.js';
import type { AllowOrigin } from './origins.js';
import type { Agreement } from './sending.js';

/** Chooses one of the subprotocols that a client has offered, in its order; undefined or `''`: none. */
export type ChooseProtocol = (offered: readonly string[]) => string | undefined;

/** The options of `request.upgrade`. */
export interface UpgradeOptions extends WebSocketOptions {
  /** The subprotocols that the server speaks, of which the client's first is taken; or a function that chooses. Default: none. */
  protocols?: readonly string[] | ChooseProtocol;
  /**
   * The origins whose pages may connect, as browsers send them (`https://example.com`), or a function that decides; others are answered
   * with 403. A list lets requests without the header `Origin` pass, which no page makes. Default: all, as browsers have it; then a page
   * of any site can connect with its visitor's cookies.
   */
  origins?: readonly string[] | AllowOrigin;
  /** More headers of the answer. */
  headers?: Readonly<Record<string, string>>;
}

/** What a client has asked for; the values of headers. */
export interface Asked {
  /** Undefined over HTTP/2, where an answer to it has no meaning. */
  readonly key: string | undefined;
  readonly protocols: string | undefined;
  readonly extensions: string | undefined;
}

/** The agreement with a client, and the lines of the answer that say it. */
export function agree(asked: Asked, options: UpgradeOptions, settings: Settings): { agreement: Agreement; lines: string } {
  const protocol = chosen(options.protocols, listIn(asked.protocols));
  const accepted = settings.compression && acceptOffer(asked.extensions, settings.compression);
  const deflate = accepted && new Deflate(settings.compression, accepted.terms);
  let lines = '';
  if (asked.key !== undefined) lines = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(asked.key)}\r\n`;
  if (protocol !== '') lines += `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  if (accepted) lines += `Sec-WebSocket-Extensions: ${accepted.answer}\r\n`;
  return { agreement: { server: true, protocol, deflate, settings }, lines };
}

function chosen(protocols: UpgradeOptions['protocols'], offered: readonly string[]): string {
  if (protocols === undefined) return '';
  if (typeof protocols === 'function') {
    const choice = functionOf('options.protocols', protocols)(offered) ?? '';
    return choice === '' ? '' : protocolsOf('options.protocols', [choice])[0]!;
  }
  if (!Array.isArray(protocols)) throw invalidType('options.protocols', 'a list or a function', protocols);
  const known = protocolsOf('options.protocols', protocols as readonly string[]);
  return offered.find((protocol) => known.includes(protocol)) ?? '';
}
