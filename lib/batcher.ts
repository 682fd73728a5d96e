import { UnavailableError } from './errors.js';

/** Writes many items in one go and answers, in their order, what became or becomes of each. Throws when none can be told. */
export type BatchWrite<Item, Result> = (items: Item[]) => Promise<Array<Result | Error | Promise<Result>>>;

export interface BatchLimits<Item> {
  /** Items in one write. */
  maxBatch: number;
  /**
   * So many items are written at once, before the tick ends: the other side works on them while the rest of the tick
   * makes more. Default: never.
   */
  enough?: number;
  /** Writes under way at once; the next ones start before their answers come. Default: 1. */
  maxInFlight?: number;
  /** Items that wait for the next one. */
  maxWaiting: number;
  /** What the items of one write may weigh together; one alone may weigh more. */
  weight?: { max: number; of: (item: Item) => number };
}

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result | Promise<Result>) => void;
  reject: (error: unknown) => void;
}

/**
 * Items that arrive while a write is under way go together in the next one; an idle batcher adds no wait but
 * the end of the current tick. Each item gets its own answer.
 *
 * What waits is bounded: past `maxWaiting` an item is refused with `HKL_ERR_OVERLOADED`. When a write fails as
 * a whole, what waits behind it fails with it, so that no answer takes longer than one write's time limit.
 */
export class Batcher<Item, Result> {
  readonly #write: BatchWrite<Item, Result>;
  readonly #limits: BatchLimits<Item>;
  #waiting: Array<Waiting<Item, Result>> = [];
  readonly #writes = new Set<Promise<void>>();
  #scheduled: Promise<void> | undefined;

  constructor(write: BatchWrite<Item, Result>, limits: BatchLimits<Item>) {
    this.#write = write;
    this.#limits = limits;
  }

  /** @throws {UnavailableError} when too much waits already, or what the write answers for this item. */
  push(item: Item): Promise<Result> {
    if (this.#waiting.length >= this.#limits.maxWaiting) {
      return Promise.reject(new UnavailableError('HKL_ERR_OVERLOADED'));
    }
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#waiting.length >= (this.#limits.enough ?? Infinity) && this.#mayStart) this.#start();
      else this.#schedule();
    });
  }

  /** Resolves when nothing waits or is being written. */
  async idle(): Promise<void> {
    while (this.#scheduled || this.#writes.size > 0) {
      await this.#scheduled;
      await Promise.all(this.#writes);
    }
  }

  get #mayStart(): boolean {
    return this.#writes.size < (this.#limits.maxInFlight ?? 1);
  }

  /** Starts a write at the end of the tick, where another one may be started. */
  #schedule(): void {
    if (this.#scheduled || !this.#mayStart) return;
    this.#scheduled = this.#startAfterTick();
  }

  async #startAfterTick(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#scheduled = undefined;
    // One that failed took what waited with it; and what was enough was written before.
    if (this.#waiting.length > 0 && this.#mayStart) this.#start();
  }

  #start(): void {
    const write = this.#writeOne(this.#next()).finally(() => {
      this.#writes.delete(write);
      if (this.#waiting.length > 0) this.#schedule();
    });
    this.#writes.add(write);
    if (this.#waiting.length > 0) this.#schedule();
  }

  #next(): Array<Waiting<Item, Result>> {
    const { maxBatch, weight } = this.#limits;
    if (!weight) return this.#waiting.splice(0, maxBatch);
    let together = 0;
    const heavy = this.#waiting.findIndex(({ item }, index) => {
      together += weight.of(item);
      return index > 0 && (together > weight.max || index === maxBatch);
    });
    return this.#waiting.splice(0, heavy === -1 ? maxBatch : heavy);
  }

  async #writeOne(batch: Array<Waiting<Item, Result>>): Promise<void> {
    try {
      const results = await this.#write(batch.map(({ item }) => item));
      batch.forEach(({ resolve, reject }, index) => {
        const result = results[index];
        if (result instanceof Error) reject(result);
        else if (index >= results.length)
          reject(new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', 'no answer'));
        else resolve(result as Result | Promise<Result>);
      });
    } catch (error) {
      for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
    }
  }
}
