/** What an attempt's steps know of its time. */
export interface AttemptTime {
  /** Aborted when it is over. */
  readonly signal: AbortSignal;
  /** Waits for something that is not the handler's: the time that it takes is not counted. */
  uncounted<T>(work: Promise<T>): Promise<T>;
}

/** A time that stands still while something that is not counted is waited for. */
export class TimeLimit implements AttemptTime {
  readonly #over: Pick<AbortController, 'signal'>;
  readonly #onOver: () => void;
  #left: number;
  #since = 0;
  #timer: NodeJS.Timeout | undefined;
  #waits = 0;
  #ended = false;

  /**
   * @param left milliseconds, from now on
   * @param over its signal is not asked for before somebody asks here: AbortController makes it then, and it is dear
   */
  constructor(left: number, over: Pick<AbortController, 'signal'>, onOver: () => void) {
    this.#left = left;
    this.#over = over;
    this.#onOver = onOver;
    this.#go();
  }

  get signal(): AbortSignal {
    return this.#over.signal;
  }

  async uncounted<T>(work: Promise<T>): Promise<T> {
    if (this.#waits++ === 0) this.#halt();
    try {
      return await work;
    } finally {
      if (--this.#waits === 0 && !this.#ended) this.#go();
    }
  }

  /** It never is over after this. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #go(): void {
    this.#since = performance.now();
    this.#timer = setTimeout(() => {
      this.#ended = true;
      this.#onOver();
    }, this.#left);
  }

  #halt(): void {
    clearTimeout(this.#timer);
    this.#left = Math.max(0, this.#left - (performance.now() - this.#since));
  }
}
