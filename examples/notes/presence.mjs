// Who is here: one WebSocket for each open page. Each is told all names whenever they change, and what others are looking at.
import { Group } from 'stackful/websocket';

const MESSAGE_BYTES = 1024;

export class Presence {
  room = new Group();
  /** @type {Map<import('stackful/websocket').WebSocket, string>} */
  names = new Map();

  /** The coroutine of one page: it ends when the page is closed. */
  attend(request, user) {
    const socket = request.upgrade({ maxMessageBytes: MESSAGE_BYTES });
    this.room.add(socket);
    this.names.set(socket, user.name);
    this.tellAll();
    try {
      for (const message of socket) this.hear(user, message);
    } finally {
      this.room.delete(socket);
      this.names.delete(socket);
      this.tellAll();
    }
  }

  /** A page says which note it shows. What is not understood is no reason to end. */
  hear(user, message) {
    let looking;
    try {
      ({ looking } = JSON.parse(String(message)));
    } catch {
      return;
    }
    if (typeof looking === 'string') this.room.broadcast(JSON.stringify({ name: user.name, looking }));
  }

  tellAll() {
    this.room.broadcast(JSON.stringify({ online: [...new Set(this.names.values())].sort() }));
  }
}
