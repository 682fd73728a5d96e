import { setTimeout as sleep } from 'node:timers/promises';

export interface Pace {
  /** How many are started in a second at most; as fast as `concurrency` lets them when left out. */
  perSecond?: number | undefined;
  /** How many are under way at once at most. */
  concurrency: number;
  /** Starts no more; those under way end. */
  signal?: AbortSignal | undefined;
}

const TICK = 5;

/** Does `work` for every number from 0 to `count` - 1. @throws what the first `work` that fails throws */
export async function inPace(
  count: number,
  pace: Pace,
  work: (index: number) => Promise<void>,
): Promise<void> {
  const started = performance.now();
  let next = 0;
  const isDue = () =>
    pace.perSecond === undefined || next < ((performance.now() - started) * pace.perSecond) / 1_000 + 1;
  const runner = async () => {
    while (next < count && pace.signal?.aborted !== true) {
      if (isDue()) await work(next++);
      else await sleep(TICK);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, pace.concurrency) }, runner));
}

/** Lets so many through at once; the rest wait their turn. */
export class Gate {
  #free: number;
  readonly #waiting: Array<() => void> = [];

  constructor(width: number) {
    this.#free = width;
  }

  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
