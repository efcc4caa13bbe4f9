import type { TlsListener } from '../tls/listener.js';
import type { TlsSocket } from '../tls/socket.js';
import type { TlsClientOptions, TlsServerOptions } from '../tls/terms.js';
import type { ConnectOptions } from './connect.js';
import type { ListenOptions } from './listener.js';

/** How `connect` and `listen` make what `options.tls` asks for. TLS builds upon this room, so it comes here by itself. */
export interface Secure {
  connect: (tls: TlsClientOptions, where: ConnectOptions) => TlsSocket;
  listen: (tls: TlsServerOptions, where: ListenOptions) => TlsListener;
}

let registered: Secure | undefined;

export function registerSecure(secure: Secure): void {
  registered = secure;
}

/** Users get `connect` and `listen` from entries, which load it. */
export function secure(): Secure {
  return registered!;
}
