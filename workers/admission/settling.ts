import { setTimeout as sleep } from 'node:timers/promises';

export interface SettlingOptions {
  /** The number up to which all events have been seen by their workers. */
  floor: () => Promise<number>;
  /** Looks for the events below a number that have not been seen, and sees them in their workers' place. */
  settle: (seq: number) => Promise<void>;
}

/** How often the floor is asked for while somebody waits, ms: a neighbour is seen within a few. */
const POLL = 2;
/** For how long it may stand still before somebody looks why, ms. */
const PATIENCE = 40;

interface Waiter {
  seq: number;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Waits, for all events of one process and source together, until every event accepted before has been seen. Most
 * often those are in the hands of another worker this very moment; one that was killed is stood in for.
 */
export class Settling {
  readonly #options: SettlingOptions;
  #waiters: Waiter[] = [];
  #running = false;

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /** Resolves when all events with a lower number have been seen. @throws what asking for it does */
  wait(seq: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ seq, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#running = true;
    let last = -1;
    let still = 0;
    try {
      while (this.#waiters.length > 0) {
        await sleep(POLL);
        const floor = await this.#options.floor();
        this.#release(floor);
        still = floor === last ? still + POLL : 0;
        last = floor;
        if (still < PATIENCE || this.#waiters.length === 0) continue;
        await this.#options.settle(Math.max(...this.#waiters.map(({ seq }) => seq)));
        still = 0;
      }
    } catch (error) {
      for (const { reject } of this.#waiters.splice(0)) reject(error);
    } finally {
      this.#running = false;
    }
  }

  #release(floor: number): void {
    const waiting = this.#waiters.splice(0);
    this.#waiters = waiting.filter(({ seq }) => seq > floor);
    for (const { seq, resolve } of waiting) if (seq <= floor) resolve();
  }
}
