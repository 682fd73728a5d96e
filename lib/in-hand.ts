import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * What is being answered, by connection. A pipelined response that waits behind another hears nothing when its
 * connection closes, so the connection is listened to as well: by one listener, however many requests there are.
 */
export class InHand {
  readonly #ends = new WeakMap<Socket, Set<() => void>>();

  /** Calls `ended` once, when the response has ended or its connection has. Answers how many are in hand now. */
  add(socket: Socket, response: ServerResponse, ended: () => void): number {
    const open = this.#ends.get(socket) ?? this.#watch(socket);
    const end = () => {
      if (open.delete(end)) ended();
    };
    open.add(end);
    response.once('close', end);
    return open.size;
  }

  #watch(socket: Socket): Set<() => void> {
    const open = new Set<() => void>();
    this.#ends.set(socket, open);
    socket.once('close', () => {
      for (const end of open) end();
    });
    return open;
  }
}
