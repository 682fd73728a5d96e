/** Milliseconds. */
const TRY_EVERY = 1_000;

/** After a failure, one try a second shows whether what failed works again; the rest need not wait for a time limit. */
export class Breaker {
  #isOpen = false;
  #nextTry = 0;

  open(): void {
    this.#isOpen = true;
    this.#nextTry = performance.now() + TRY_EVERY;
  }

  close(): void {
    this.#isOpen = false;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** May this one show, while the last try failed, whether it works again? One in a second may. */
  probe(): boolean {
    if (performance.now() < this.#nextTry) return false;
    this.#nextTry = performance.now() + TRY_EVERY;
    return true;
  }
}
