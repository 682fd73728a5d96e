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

/** Bytes that the bodies of one address take. */
interface Share {
  used: number;
}

/** Shares at which those that nobody uses are thrown away. To do so whenever one is free would make them anew all the time. */
const SWEEP_AT = 1_000;

/** Bytes that all bodies in hand may take together, and how many of them those of one address. */
export class BodyBudget {
  readonly #total: number;
  readonly #perAddress: number;
  readonly #shares = new Map<string, Share>();
  #sweepAt = SWEEP_AT;
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

  /** For its reservations: bytes of an address, or `undefined` where there is no room for them. */
  take(address: string, bytes: number, share = this.#shareOf(address)): Share | undefined {
    if (this.#used + bytes > this.#total || share.used + bytes > this.#perAddress) return undefined;
    this.#used += bytes;
    share.used += bytes;
    return share;
  }

  /** For its reservations. */
  give(share: Share, bytes: number): void {
    this.#used -= bytes;
    share.used -= bytes;
  }

  #shareOf(address: string): Share {
    const known = this.#shares.get(address);
    if (known) return known;
    if (this.#shares.size >= this.#sweepAt) this.#sweep();
    const share = { used: 0 };
    this.#shares.set(address, share);
    return share;
  }

  #sweep(): void {
    for (const [address, { used }] of this.#shares) if (used === 0) this.#shares.delete(address);
    this.#sweepAt = Math.max(SWEEP_AT, this.#shares.size * 2);
  }
}

class Room implements Reservation {
  readonly #budget: BodyBudget;
  readonly #address: string;
  #share: Share | undefined;
  #bytes = 0;
  #released = false;

  constructor(budget: BodyBudget, address: string) {
    this.#budget = budget;
    this.#address = address;
  }

  reserve(bytes: number): boolean {
    if (this.#released) return false;
    const share = this.#budget.take(this.#address, bytes, this.#share);
    if (!share) return false;
    this.#share = share;
    this.#bytes += bytes;
    return true;
  }

  release(): void {
    this.#released = true;
    if (this.#share) this.#budget.give(this.#share, this.#bytes);
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
