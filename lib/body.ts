import type { Readable } from 'node:stream';
import { HooklineError, UnavailableError } from './errors.js';

/** What is set aside at first: most bodies are smaller. Whoever announces more has not sent it yet. */
const FIRST = 16 * 1024;

const NOTHING = Buffer.alloc(0);

/** Room set aside for one body. */
export interface Reservation {
  /** Sets bytes aside before they are used; `false`: there is no more room. */
  reserve: (bytes: number) => boolean;
  /** Gives all of it back; from then on there is none. */
  release: () => void;
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
    let own = 0;
    let open = true;
    return {
      reserve: (bytes) => {
        const granted = open && this.#take(address, bytes);
        if (granted) own += bytes;
        return granted;
      },
      release: () => {
        open = false;
        this.#give(address, own);
        own = 0;
      },
    };
  }

  #take(address: string, bytes: number): boolean {
    const own = (this.#byAddress.get(address) ?? 0) + bytes;
    if (this.#used + bytes > this.#total || own > this.#perAddress) return false;
    this.#used += bytes;
    this.#byAddress.set(address, own);
    return true;
  }

  #give(address: string, bytes: number): void {
    const own = (this.#byAddress.get(address) ?? 0) - bytes;
    this.#used -= bytes;
    if (own > 0) this.#byAddress.set(address, own);
    else this.#byAddress.delete(address);
  }
}

export interface BodyLimits {
  /** Bytes of this body. */
  limit: number;
  /** What `Content-Length` says, or `NaN`. */
  announced: number;
  reserve: Reservation['reserve'];
}

/**
 * Reads a body into one Buffer. It grows with what has come and not with what was announced, and a body of
 * many tiny chunks costs no more than one of few (a Buffer for each would take fifty times the bytes sent).
 * Leaves the stream as it is when it throws, so that an answer can still be written.
 * @throws {HooklineError} `HKL_ERR_BODY_TOO_LARGE`
 * @throws {UnavailableError} `HKL_ERR_OVERLOADED` when there is no room for it just now
 */
export function readBody(stream: Readable, { limit, announced, reserve }: BodyLimits): Promise<Buffer> {
  if (announced > limit) return Promise.reject(new HooklineError('HKL_ERR_BODY_TOO_LARGE'));
  return new Promise((resolve, reject) => {
    let buffer: Buffer = NOTHING;
    let length = 0;

    const onData = (chunk: Buffer) => {
      const needed = length + chunk.length;
      if (needed > limit) return end(new HooklineError('HKL_ERR_BODY_TOO_LARGE'));
      if (needed === announced && length === 0) {
        // All of it at once, as most bodies come: it need not be copied.
        if (!reserve(needed)) return end(new UnavailableError('HKL_ERR_OVERLOADED'));
        buffer = chunk;
        length = needed;
        return;
      }
      if (needed > buffer.length) {
        const capacity = Math.min(
          limit,
          Math.max(needed, buffer.length * 2, Math.min(FIRST, announced || 0)),
        );
        if (!reserve(capacity - buffer.length)) return end(new UnavailableError('HKL_ERR_OVERLOADED'));
        const grown = Buffer.allocUnsafe(capacity);
        buffer.copy(grown, 0, 0, length);
        buffer = grown;
      }
      chunk.copy(buffer, length);
      length = needed;
    };
    const onEnd = () => end(undefined);
    const onError = (error: Error) => end(new HooklineError('HKL_ERR_BAD_REQUEST', { cause: error }));
    const onClose = () => end(new HooklineError('HKL_ERR_BAD_REQUEST', { cause: new Error('cut off') }));

    function end(error: Error | undefined): void {
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      // What comes after is thrown away; an error of it has nobody to go to.
      stream.on('error', () => {});
      if (error) reject(error);
      else resolve(buffer.subarray(0, length));
    }

    stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
    stream.resume();
  });
}
