// Live updates: what is published goes to every page that listens, as server-sent events.
import { Channel } from 'stackful';

/** Events that may wait for one page. */
const MOST = 100;

export class Feed {
  /** @type {Set<Channel<import('stackful/http').ServerSentEvent>>} */
  channels = new Set();

  /** Tells every page. Never waits: a page that is that slow is let go, and connects again. */
  publish(event) {
    for (const channel of this.channels) if (!channel.closed && !channel.trySend(event)) channel.close();
  }

  /**
   * The events from now on. The first one, `ready`, tells the page that it will hear of everything that happens after; what has
   * happened before it has to fetch.
   */
  *listen() {
    const channel = new Channel(MOST, { name: 'feed' });
    this.channels.add(channel);
    try {
      yield { event: 'ready', data: '' };
      yield* channel;
    } finally {
      // Here also when the page has gone: the loop over this generator ends as by a `break`.
      this.channels.delete(channel);
    }
  }

  /** Ends all, so that the server can end. */
  close() {
    for (const channel of this.channels) channel.close();
  }
}
