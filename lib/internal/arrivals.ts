import type { Coroutine } from '../coroutine/coroutine.js';

/**
 * What servers tell a recording that was begun while they ran: `server` is a server, `connection` its number. Who was there before is no
 * part of such a recording, so that what comes to them is its beginning.
 */
export const arrivals: {
  /** A connection has come, and a coroutine answers its requests. */
  connection: ((server: object, connection: number, coroutine: Coroutine) => void) | undefined;
  /** A client has left, as `httpDeparture` has told. */
  departure: ((server: object, departure: number) => void) | undefined;
} = { connection: undefined, departure: undefined };
