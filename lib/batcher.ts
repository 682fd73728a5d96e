import { UnavailableError } from './errors.js';

/** Writes many items in one go and answers, in their order, what became of each. Throws when none can be told. */
export type BatchWrite<Item, Result> = (items: Item[]) => Promise<Array<Result | Error>>;

interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
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
  readonly #maxBatch: number;
  readonly #maxWaiting: number;
  #waiting: Array<Waiting<Item, Result>> = [];
  #running: Promise<void> | undefined;

  constructor(write: BatchWrite<Item, Result>, limits: { maxBatch: number; maxWaiting: number }) {
    this.#write = write;
    this.#maxBatch = limits.maxBatch;
    this.#maxWaiting = limits.maxWaiting;
  }

  /** @throws {UnavailableError} when too much waits already, or what the write answers for this item. */
  push(item: Item): Promise<Result> {
    if (this.#waiting.length >= this.#maxWaiting) {
      return Promise.reject(new UnavailableError('HKL_ERR_OVERLOADED'));
    }
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits or is being written. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) await this.#writeOne(this.#waiting.splice(0, this.#maxBatch));
    this.#running = undefined;
  }

  async #writeOne(batch: Array<Waiting<Item, Result>>): Promise<void> {
    try {
      const results = await this.#write(batch.map(({ item }) => item));
      batch.forEach(({ resolve, reject }, index) => {
        const result = results[index];
        if (result instanceof Error) reject(result);
        else if (index >= results.length)
          reject(new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', 'no answer'));
        else resolve(result as Result);
      });
    } catch (error) {
      for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
    }
  }
}
