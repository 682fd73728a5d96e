import type { Socket } from 'node:net';

/** Connections that are read again in one turn of the event loop. */
const AT_ONCE = 64;
/** Milliseconds: whoever rested longer and has sent something meanwhile has waited for it. */
const LONG = 20;

/**
 * Connections that are not read for a while, because what they brought was turned away. A few at a time are read again,
 * in each turn of the event loop, so that its turns stay short.
 *
 * Without that a turn has no end while more than 1,024 connections have something to say: Node.js' event loop then reads
 * them 48 times over before a timer runs (libuv, `uv__io_poll` in src/unix/linux.c), and an answer of Redis waits behind all of them.
 */
export class Resting {
  readonly #onTurn: (milliseconds: number, resting: number) => void;
  /** In the order in which they are read again; those before `#next` are. */
  #queue: Array<{ socket: Socket; since: number }> = [];
  #next = 0;
  /** Those in the queue: whoever sends many requests at once stands in it but once, or it would grow without end. */
  readonly #resting = new WeakSet<Socket>();
  /** Those that are read in this turn after a long rest. */
  #woken = new WeakSet<Socket>();
  #turning: NodeJS.Immediate | undefined;
  #turnedAt = 0;

  /** @param onTurn told how long a turn lasted, and how many rest at its end, while there are connections that rest */
  constructor(onTurn: (milliseconds: number, resting: number) => void) {
    this.#onTurn = onTurn;
  }

  /** Reads nothing of a connection until it is its turn. Nothing of an earlier request may be unread. */
  rest(socket: Socket): void {
    if (socket.destroyed) return;
    socket.pause();
    if (this.#resting.has(socket)) return;
    this.#resting.add(socket);
    const now = performance.now();
    this.#queue.push({ socket, since: now });
    if (this.#turning) return;
    this.#turnedAt = now;
    this.#turning = setImmediate(() => this.#turn());
  }

  /** Has what is being read of this connection waited, while it rested? */
  hasWaited(socket: Socket): boolean {
    return this.#woken.has(socket);
  }

  /** Reads all of them again. */
  close(): void {
    clearImmediate(this.#turning);
    this.#turning = undefined;
    for (const { socket } of this.#queue.slice(this.#next)) this.#wake(socket);
    this.#queue = [];
    this.#next = 0;
  }

  #turn(): void {
    const now = performance.now();
    this.#onTurn(now - this.#turnedAt, this.#queue.length - this.#next);
    this.#turnedAt = now;
    const rested = this.#queue.slice(this.#next, this.#next + AT_ONCE);
    const long = rested.filter(({ since }) => now - since > LONG);
    this.#woken = new WeakSet(long.map(({ socket }) => socket));
    for (const { socket } of rested) this.#wake(socket);
    this.#next += rested.length;
    // Seldom, and of at least as many as were taken: what is cut off the front of a list costs as much as its rest.
    if (this.#next * 2 >= this.#queue.length) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    // Even if none is left: those that were woken are read in the next one.
    this.#turning = rested.length > 0 ? setImmediate(() => this.#turn()) : undefined;
  }

  #wake(socket: Socket): void {
    this.#resting.delete(socket);
    socket.resume();
  }
}
