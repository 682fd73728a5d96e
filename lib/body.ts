import type { Readable } from 'node:stream';
import { HooklineError, UnavailableError } from './errors.js';

/** What is set aside at first: most bodies are smaller. Whoever announces more has not sent it yet. */
const FIRST = 16 * 1024;

const NOTHING = Buffer.alloc(0);

/** Room set aside for one body. */
export interface Reservation {
  /** Sets bytes aside before they are used; `false`: there is no more room. */
  reserve(bytes: number): boolean;
  /** Gives all of it back; from then on there is none. */
  release(): void;
}

/** Bytes that all bodies in hand may take together, and how many of them those of one address. */
export class BodyBudget {
  readonly #total: number;
  readonly #perAddress: number;
  readonly #byAddress = new Map<string, number>();
  #used = 0;

  constructor(total: number, perAddress: number) {
    this.#total = total;
    this.#perAddress = perAddress;
  }

  get used(): number {
    return this.#used;
  }

  open(address: string): Reservation {
    return new Room(this, address);
  }

  /** For its reservations. */
  take(address: string, bytes: number): boolean {
    const own = (this.#byAddress.get(address) ?? 0) + bytes;
    if (this.#used + bytes > this.#total || own > this.#perAddress) return false;
    this.#used += bytes;
    this.#byAddress.set(address, own);
    return true;
  }

  /** For its reservations. */
  give(address: string, bytes: number): void {
    const own = (this.#byAddress.get(address) ?? 0) - bytes;
    this.#used -= bytes;
    if (own > 0) this.#byAddress.set(address, own);
    else this.#byAddress.delete(address);
  }
}

class Room implements Reservation {
  readonly #budget: BodyBudget;
  readonly #address: string;
  #bytes = 0;
  #released = false;

  constructor(budget: BodyBudget, address: string) {
    this.#budget = budget;
    this.#address = address;
  }

  reserve(bytes: number): boolean {
    const granted = !this.#released && this.#budget.take(this.#address, bytes);
    if (granted) this.#bytes += bytes;
    return granted;
  }

  release(): void {
    this.#released = true;
    this.#budget.give(this.#address, this.#bytes);
    this.#bytes = 0;
  }
}

export interface BodyLimits {
  /** Bytes of this body. */
  limit: number;
  /** What `Content-Length` says, or `NaN`. */
  announced: number;
  room: Pick<Reservation, 'reserve'>;
}

/** Told once: the body, or why there is none. */
export type BodyDone = (error: HooklineError | null, body?: Buffer) => void;

/**
 * Reads a body into one Buffer. It grows with what has come and not with what was announced, and a body of
 * many tiny chunks costs no more than one of few (a Buffer for each would take fifty times the bytes sent).
 * Leaves the stream as it is when it fails, so that an answer can still be written; what still comes is thrown away.
 *
 * Fails with `HKL_ERR_BODY_TOO_LARGE`, with `HKL_ERR_OVERLOADED` when there is no room for it just now, or with
 * `HKL_ERR_BAD_REQUEST` when it is cut off.
 */
export function readBody(stream: Readable, { limit, announced, room }: BodyLimits, done: BodyDone): void {
  if (announced > limit) return done(new HooklineError('HKL_ERR_BODY_TOO_LARGE'));
  let buffer: Buffer = NOTHING;
  let length = 0;
  let ended = false;

  const end = (error: HooklineError | null) => {
    if (ended) return;
    ended = true;
    const body = buffer;
    buffer = NOTHING;
    if (error) done(error);
    else done(null, body.length === length ? body : body.subarray(0, length));
  };
  const take = (chunk: Buffer) => {
    if (ended) return;
    const needed = length + chunk.length;
    if (needed > limit) return end(new HooklineError('HKL_ERR_BODY_TOO_LARGE'));
    if (needed === announced && length === 0) {
      // All of it at once, as most bodies come: it need not be copied.
      if (!room.reserve(needed)) return end(new UnavailableError('HKL_ERR_OVERLOADED'));
      buffer = chunk;
    } else {
      if (needed > buffer.length) {
        const capacity = Math.min(
          limit,
          Math.max(needed, buffer.length * 2, Math.min(FIRST, announced || 0)),
        );
        if (!room.reserve(capacity - buffer.length)) return end(new UnavailableError('HKL_ERR_OVERLOADED'));
        const grown = Buffer.allocUnsafe(capacity);
        buffer.copy(grown, 0, 0, length);
        buffer = grown;
      }
      chunk.copy(buffer, length);
    }
    length = needed;
  };
  const fail = (cause?: Error) => {
    if (!ended) end(new HooklineError('HKL_ERR_BAD_REQUEST', { cause: cause ?? new Error('cut off') }));
  };

  // They stay where they are: an error that comes after the body has nobody to go to.
  stream
    .on('data', take)
    .on('end', () => end(null))
    .on('error', fail)
    .on('close', fail);
  stream.resume();
}
