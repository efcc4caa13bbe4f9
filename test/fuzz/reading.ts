/** The result of a parser for a sequence of bytes, in one form for both parsers, so that they can be compared. */

export interface Message {
  method: string;
  target: string;
  /** The 1 of HTTP/1.1. */
  minor: number;
  /** Name, value, name, value ... as sent. */
  headers: string[];
  body: string;
  keepAlive: boolean;
  complete: boolean;
}

export interface Reading {
  /** The last one may be incomplete: its head was accepted, its body goes on or is wrong. */
  messages: Message[];
  /**
   * `more`: all that there is was fine; `error`: refused; `over`: what follows is no request of this connection,
   * because a message ended it (close, upgrade, CONNECT).
   */
  end: 'more' | 'error' | 'over';
  /** The reason of an error. */
  reason: string;
  /** Where the message begins that was refused. */
  at: number;
}
