import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Something that a request holds while it is being answered. */
export interface Held {
  release(): void;
}

/** A request that is being answered. */
export interface Work {
  /** Released once each, when the response has ended or its connection has. */
  readonly held: Held[];
}

/**
 * What is being answered, by connection. A pipelined response that waits behind another hears nothing when its
 * connection closes, so the connection is listened to as well: by one listener, however many requests there are.
 *
 * A list and no Set: a Set that comes to be empty takes a new table, to which its old one points. Once one of them is old,
 * the collector of young garbage takes all that follow for alive, and with them every request.
 */
export class InHand {
  readonly #open = new WeakMap<Socket, Work[]>();

  /** Takes a request in hand. */
  add(socket: Socket, response: ServerResponse): Work {
    const open = this.#open.get(socket) ?? this.#watch(socket);
    const work: Work = { held: [] };
    open.push(work);
    response.on('close', () => {
      const at = open.indexOf(work);
      if (at === -1) return;
      open.splice(at, 1);
      end(work);
    });
    return work;
  }

  /** How many there are on a connection. */
  count(socket: Socket): number {
    return this.#open.get(socket)?.length ?? 0;
  }

  #watch(socket: Socket): Work[] {
    const open: Work[] = [];
    this.#open.set(socket, open);
    socket.once('close', () => {
      for (const work of open.splice(0)) end(work);
    });
    return open;
  }
}

function end({ held }: Work): void {
  for (const one of held) one.release();
}
