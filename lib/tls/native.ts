import { native } from '../internal/native.js';
import { seam } from '../internal/outside.js';

/**
 * The exports of native/binding/tls.cc. A socket is two arguments: its number, and whether that is an HTTP connection's.
 * Contexts are numbers, errors negative ones.
 */
interface TlsNative {
  tlsMissing: () => string | undefined;
  tlsContext: (nodes: object, external: unknown) => number;
  tlsForgetContext: (context: number) => void;
  tlsStart: (
    socket: number,
    ofHttp: boolean,
    context: number,
    flags: number,
    protocols: Uint8Array | undefined,
    servername: string | undefined,
    session: Uint8Array | undefined,
    received: Uint8Array | undefined,
  ) => number;
  tlsHandshake: (socket: number, ofHttp: boolean, ms: number) => number;
  /** `context` -1: the one that the session has. */
  tlsChoose: (socket: number, ofHttp: boolean, context: number) => void;
  tlsServername: (socket: number, ofHttp: boolean) => string | undefined;
  tlsState: (socket: number, ofHttp: boolean) => TlsState | undefined;
  tlsError: (
    socket: number,
    ofHttp: boolean,
  ) => [library: string | undefined, reason: string | undefined, verdict: number, text: string] | undefined;
  tlsPeerCertificates: (socket: number, ofHttp: boolean) => Buffer[] | undefined;
  tlsSession: (socket: number, ofHttp: boolean) => Buffer | undefined;
  tlsUpdateKeys: (socket: number, ofHttp: boolean, both: boolean) => boolean;
  tlsStaple: (context: number, response: Uint8Array | undefined) => void;
  tlsStapled: (socket: number, ofHttp: boolean) => Buffer | undefined;
  tlsCount: () => [sessions: number, contexts: number];
}

/** `verdict` is 0 for a certificate that is trusted, else a number of X509_V_ERR_*. */
export type TlsState = [
  protocol: string,
  cipher: string | undefined,
  standardName: string | undefined,
  version: string | undefined,
  alpn: string | undefined,
  servername: string | undefined,
  resumed: boolean,
  verdict: number,
  text: string,
];

const originals = native as unknown as TlsNative;

/** What is about no connection is no call to the outside. */
export const { tlsMissing, tlsContext, tlsForgetContext, tlsStaple, tlsCount } = originals;

export let {
  tlsStart, tlsHandshake, tlsChoose, tlsServername, tlsState, tlsError, tlsPeerCertificates, tlsSession, tlsUpdateKeys,
  tlsStapled,
} = originals;

seam('tls', originals, (calls) => {
  ({
    tlsStart, tlsHandshake, tlsChoose, tlsServername, tlsState, tlsError, tlsPeerCertificates, tlsSession, tlsUpdateKeys,
    tlsStapled,
  } = calls);
});

/** The flags of `tlsStart`. */
export const SERVER = 1;
export const ASK_CERTIFICATE = 2;
export const REFUSE = 4;
export const CHOOSE_CONTEXT = 8;
export const ASK_STAPLE = 16;
