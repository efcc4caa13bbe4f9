import { shakeHands, startTls } from '../tls/handshake.js';
import type { Socket } from '../net/socket.js';
import type { TlsInfo } from '../tls/info.js';
import type { ServerTerms } from '../tls/terms.js';
import { ProxyProtocolError, requestOver } from './errors.js';
import { Exchange, type Owner } from './exchange.js';
import { SocketHeir, type Successor } from './hand_over.js';
import { Http2Connection } from './http2/connection.js';
import { SPEAKS_HTTP2, httpDone, httpNext, httpRemote } from './native.js';
import { readProxyHeader, type ProxyProtocolTerms } from './proxy_protocol.js';

/**
 * One connection's loop: a coroutine runs it from the first request to the last.
 *
 * With thousands of connections, a read of a field here is a cache miss: the path of most requests uses only variables, which
 * are on the coroutine's stack, and objects that all connections share.
 */
export class Connection extends Exchange {
  private shaking = false;
  /** What came out of the handshake. */
  tls: TlsInfo | undefined;
  private peer: readonly [host: string, port: number] | undefined;
  declare protected heir: SocketHeir | undefined;

  /** While HTTP/2 is spoken. */
  private http2: Http2Connection | undefined;

  constructor(number: number, owner: Owner, private readonly stackSize: number | undefined) {
    super(number, owner);
  }

  protected get idleTitle(): string {
    return this.http2 ? 'http2 connection' : 'http connection';
  }

  /** Answers requests until the connection is over. Parks; never throws. */
  run(): void {
    const { proxyProtocol, terms } = this.owner;
    if ((proxyProtocol === undefined || this.introduce(proxyProtocol)) && (terms === undefined || this.secure(terms))) {
      if (this.owner.speaksHttp2 && this.tls?.alpnProtocol === 'h2') this.speakHttp2();
      else this.answerAll();
    }
    this.heir?.end();
    const number = this.number;
    this.number = -1;
    httpDone(number);
  }

  /**
   * Makes the connection an ordinary socket, with TLS if it has that and with the bytes that were received and not read: before its
   * first request, or in a handler whose request has no response and whose body, if there is one, was read. What the handler returns
   * is not sent. The server counts it, and waits for it, until its coroutine is over, which closes the socket. Parks.
   *
   * @throws Error (`ERR_HTTP_CANNOT_HAND_OVER`) while the request has an unread body or a response, and for a connection that was handed
   *   over; what a write throws that is interrupted, or whose client has left
   */
  handOver(successor: Successor): Socket {
    this.heir = new SocketHeir(this.number, this.owner.terms, this.tls, successor);
    this.watched = undefined;
    if (this.owner.isClosing) successor.serverCloses();
    return this.heir.socket;
  }

  openTunnel(successor: Successor, lines: string): Socket {
    const socket = this.handOver(successor);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n`);
    return socket;
  }

  /** Never parks. */
  serverCloses(): void {
    this.heir?.successor.serverCloses();
    this.http2?.serverCloses();
  }

  /** Reads the header of a proxy; false when the connection is refused. Parks; never throws. */
  private introduce(terms: ProxyProtocolTerms): boolean {
    this.shaking = true;
    try {
      this.peer = readProxyHeader(this.number, terms, this.remote()[0]) ?? this.peer;
      return true;
    } catch (error) {
      try {
        if (error instanceof ProxyProtocolError) terms.onError?.(error, this.remote()[0]);
      } catch (second) {
        console.error('stackful/http: proxyProtocol.onError failed:', second);
      }
      return false;
    } finally {
      this.shaking = false;
    }
  }

  /** The handshake; false when it has failed. Parks; never throws. */
  private secure(terms: ServerTerms): boolean {
    const place = () => this.heir?.place ?? { number: this.number, ofHttp: true };
    this.shaking = true;
    try {
      startTls(place(), terms);
      this.tls = shakeHands(place, terms, 'serve');
      return true;
    } catch (error) {
      try {
        this.owner.reportTls(error, this.remote()[0]);
      } catch (second) {
        console.error('stackful/http: onTlsError failed:', second);
      }
      return false;
    } finally {
      this.shaking = false;
    }
  }

  /** The server closes, and waits for no handshake. Never parks. */
  endHandshake(): void {
    if (this.shaking) this.cancel(new Error('the server was closed'));
  }

  /** Called instead of `run` when there is no memory for a stack. */
  abandon(): void {
    httpDone(this.number);
    this.number = -1;
  }

  remote(): readonly [host: string, port: number] {
    if (!this.peer) {
      if (this.heir) return this.heir.remote;
      if (this.number < 0) throw requestOver('the remote address');
      const [host, port] = httpRemote(this.number) ?? ['', 0];
      this.peer = [host, port];
    }
    return this.peer;
  }

  /**
   * The loop is a function of its own: code after it has never run when V8 compiles the loop, so each of a thousand ending
   * connections would be deoptimized there, at 10 us each.
   */
  private answerAll(): void {
    const { owner, number } = this;
    let head = httpNext(number);
    if (head === SPEAKS_HTTP2) {
      this.speakHttp2();
      return;
    }
    while (head > 0) head = this.answer(owner, number, head);
  }

  private speakHttp2(): void {
    this.http2 = new Http2Connection(this, this.owner, this.stackSize);
    this.http2.run();
  }

  override cancel(reason: unknown): void {
    if (this.http2) this.http2.reason ??= reason;
    super.cancel(reason);
  }
}
