import { serve } from 'stackful/http';
import type { Socket } from 'stackful/net';

class Parser {
  private rest = '';
  constructor(private readonly socket: Socket) {}
  next(): string {
    if (this.rest === '') this.rest = this.socket.readLine() ?? '';
    return this.rest;
  }
}
export const parse = (socket: Socket) => new Parser(socket).next();
serve(() => 'hello');
