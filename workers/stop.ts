/** Ends an attempt early. Never throws. */
export type End = (reason: Error) => void;

/**
 * The attempts in hand, which are all to end when `signal` is aborted.
 *
 * A list and not a listener of the signal for each: listeners are linked to one another, also those that were taken off. Once one
 * of them is old, the collector of young garbage takes all that follow for alive, and with them every event and its job.
 */
export class Stop {
  readonly #signal: AbortSignal;
  readonly #inHand: End[] = [];

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#endAll(), { once: true });
  }

  /** Calls `end` at the stop, or at once where that was before. */
  add(end: End): void {
    if (this.#signal.aborted) end(this.#signal.reason as Error);
    else this.#inHand.push(end);
  }

  /** The attempt has ended. */
  remove(end: End): void {
    const at = this.#inHand.indexOf(end);
    if (at === -1) return;
    const last = this.#inHand.pop() as End;
    if (last !== end) this.#inHand[at] = last;
  }

  #endAll(): void {
    for (const end of this.#inHand.splice(0)) end(this.#signal.reason as Error);
  }
}
