/** A token bucket: `burst` at once, and one more for every `intervalMs`. The clock is handed in. */
export class Budget {
  readonly #burst: number;
  readonly #intervalMs: number;
  /** When the bucket is full again: one number tells how much is left (the generic cell rate algorithm). */
  #fullAt = 0;

  constructor(burst: number, intervalMs: number) {
    this.#burst = burst;
    this.#intervalMs = intervalMs;
  }

  /** Takes one if there is one. `now` is in milliseconds; a clock set back leaves the bucket empty at worst. */
  take(now: number): boolean {
    const capacity = this.#burst * this.#intervalMs;
    const fullAt = Math.min(Math.max(this.#fullAt, now), now + capacity);
    const granted = fullAt + this.#intervalMs <= now + capacity;
    this.#fullAt = granted ? fullAt + this.#intervalMs : fullAt;
    return granted;
  }
}
