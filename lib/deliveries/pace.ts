import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds between two signs of life while waiting for a turn. */
const BEAT = 5_000;

/** Lets so many a second through, and hears a stop while it waits. */
export class Pace {
  readonly #perMillisecond: number;
  readonly #signal: AbortSignal;
  readonly #beat: () => Promise<boolean>;
  #next = performance.now();

  /**
   * @param rate per second
   * @param beat called now and then during long waits; answers whether to go on
   */
  constructor(rate: number, signal: AbortSignal, beat: () => Promise<boolean>) {
    this.#perMillisecond = rate / 1_000;
    this.#signal = signal;
    this.#beat = beat;
  }

  /** Waits until `count` more may go. Answers `false` when they may not go at all. */
  async take(count: number): Promise<boolean> {
    for (;;) {
      if (this.#signal.aborted) return false;
      const wait = this.#next - performance.now();
      if (wait <= 0) break;
      await sleep(Math.min(wait, BEAT), undefined, { signal: this.#signal }).catch(() => undefined);
      if (wait > BEAT && !(await this.#beat())) return false;
    }
    // Time that was lost, to a slow Redis for example, is made up for by a second's worth at most.
    this.#next = Math.max(this.#next, performance.now() - 1_000) + count / this.#perMillisecond;
    return true;
  }
}
