import { UNFINISHED_STATES, type Entry, type UnfinishedPosition, type UnfinishedState } from './entry.js';
import { keyOf, type DeliveryStore } from './store.js';

interface Stage {
  source: string;
  state: UnfinishedState;
}

/**
 * Walks what has not ended: source after source, what is in hand, then what waits, then what is tried again
 * later; the newest of each first. Lists have no keys to go on by, so what moves meanwhile may be met twice.
 */
export class UnfinishedWalk {
  readonly #store: DeliveryStore;
  readonly #stages: Stage[];
  #after: UnfinishedPosition | undefined;
  #index = 0;

  constructor(
    store: DeliveryStore,
    options: {
      sources: string[];
      states: readonly UnfinishedState[];
      after?: UnfinishedPosition | undefined;
    },
  ) {
    this.#store = store;
    const states = UNFINISHED_STATES.filter((state) => options.states.includes(state));
    const stages = options.sources.flatMap((source) => states.map((state) => ({ source, state })));
    this.#after = options.after;
    const at = stages.findIndex(
      ({ source, state }) => source === this.#after?.source && state === this.#after.state,
    );
    this.#stages = stages.slice(Math.max(at, 0));
  }

  /** The next entries, `count` at most; none at the end. */
  async next(count: number): Promise<Entry[]> {
    for (;;) {
      const [stage] = this.#stages;
      if (!stage) return [];
      if (this.#after) this.#index = await this.#placeBehind(stage, this.#after);
      this.#after = undefined;
      const jobIds = await this.#read(stage, this.#index, count);
      const entries = jobIds.map((jobId, offset) => ({ ...stage, jobId, index: this.#index + offset }));
      this.#index += jobIds.length;
      if (entries.length > 0) return entries;
      this.#stages.shift();
      this.#index = 0;
    }
  }

  #read({ source, state }: Stage, start: number, count: number): Promise<string[]> {
    const { redis } = this.#store;
    const key = this.#keyOf(source, state);
    const stop = start + count - 1;
    return state === 'delayed' ? redis.zrevrange(key, start, stop) : redis.lrange(key, start, stop);
  }

  /** New ones push older ones on: where the last one seen is now, or was when it has gone. */
  async #placeBehind({ source, state }: Stage, after: UnfinishedPosition): Promise<number> {
    const { redis } = this.#store;
    const key = this.#keyOf(source, state);
    const found =
      state === 'delayed' ? await redis.zrevrank(key, after.jobId) : await redis.lpos(key, after.jobId);
    return found === null ? after.index : found + 1;
  }

  /** BullMQ's key of waiting jobs is `wait`. */
  #keyOf(source: string, state: UnfinishedState): string {
    return keyOf(this.#store, source, state === 'waiting' ? 'wait' : state);
  }
}
