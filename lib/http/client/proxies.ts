import { invalidType, invalidValue } from '../../internal/arguments.js';

/** A proxy between the client and the servers. */
export interface Proxy {
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** The line of a Proxy-Authorization with its CRLF, or nothing. */
  readonly authorization: string;
}

/** Gives the proxy for an origin; undefined: none. */
export type ProxyChoice = (secure: boolean, hostname: string, port: number) => Proxy | undefined;

const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/** Basic credentials of a URL, as the value of a header; undefined where it has none. */
export function basicCredentials({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}`;
}

/** Brackets are the URL's, not the address's. */
export function bareHost(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

/** @throws TypeError (`ERR_INVALID_ARG_VALUE`) */
function proxyAt(name: string, text: string): Proxy {
  const given = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) throw invalidValue(name, 'the URL of a proxy (http or https)', text);
  const secure = url.protocol === 'https:';
  const credentials = basicCredentials(url);
  return {
    secure,
    hostname: bareHost(url.hostname),
    port: url.port === '' ? (secure ? HTTPS_PORT : HTTP_PORT) : Number(url.port),
    authorization: credentials === undefined ? '' : `Proxy-Authorization: ${credentials}\r\n`,
  };
}

/** The choice for an option `proxy`. @throws TypeError (`ERR_INVALID_ARG_TYPE`, `ERR_INVALID_ARG_VALUE`) */
export function proxyChoice(given: unknown): ProxyChoice {
  if (given === undefined) return () => undefined;
  if (given === 'environment') return ofEnvironment(process.env);
  if (typeof given !== 'string' && !(given instanceof URL)) throw invalidType('options.proxy', "a URL or 'environment'", given);
  const proxy = proxyAt('options.proxy', String(given));
  return () => proxy;
}

/** By the variables that curl reads, too: `http_proxy`, `https_proxy` or `HTTPS_PROXY`, `no_proxy` or `NO_PROXY`. */
function ofEnvironment(environment: NodeJS.ProcessEnv): ProxyChoice {
  // A web server gives CGI programs a client's header `Proxy` as HTTP_PROXY, so that name in capitals is not trusted.
  const plain = environment.http_proxy;
  const secured = environment.https_proxy ?? environment.HTTPS_PROXY;
  const proxies = {
    plain: plain ? proxyAt('http_proxy', plain) : undefined,
    secured: secured ? proxyAt('https_proxy', secured) : undefined,
  };
  const except = (environment.no_proxy ?? environment.NO_PROXY ?? '').toLowerCase().split(/[\s,]+/).filter(Boolean);
  return (secure, hostname, port) => {
    const direct = except.some((entry) => exempts(entry, hostname.toLowerCase(), port));
    return direct ? undefined : secure ? proxies.secured : proxies.plain;
  };
}

/** Whether an entry of NO_PROXY (`*`, a domain with or without a dot before it, an address, perhaps a port) is about the host. */
function exempts(entry: string, hostname: string, port: number): boolean {
  if (entry === '*') return true;
  const [, name = entry, itsPort] = /^(.*[^:]):(\d+)$/.exec(entry) ?? [];
  if (itsPort !== undefined && Number(itsPort) !== port && !entry.endsWith(`:${hostname}`)) return false;
  const domain = bareHost(itsPort !== undefined && name.includes(':') && !name.startsWith('[') ? entry : name).replace(/^\*?\./, '');
  return hostname === domain || hostname.endsWith(`.${domain}`);
}
