import { UNFINISHED_STATES, type Entry, type UnfinishedPosition, type UnfinishedState } from './entry.js';
import { keyOf, type DeliveryStore, type Place } from './store.js';

interface Stage extends Place {
  state: UnfinishedState;
}

/**
 * Walks what has not ended: queue after queue, what is in hand, then what waits, then what is tried again
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
      places: Place[];
      states: readonly UnfinishedState[];
      after?: UnfinishedPosition | undefined;
    },
  ) {
    this.#store = store;
    const states = UNFINISHED_STATES.filter((state) => options.states.includes(state));
    const stages = options.places.flatMap(({ source, shard }) =>
      states.map((state) => ({ source, shard, state })),
    );
    this.#after = options.after;
    const at = stages.findIndex(
      ({ source, shard, state }) =>
        source === this.#after?.source && shard === (this.#after.shard ?? 0) && state === this.#after.state,
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

  #read(stage: Stage, start: number, count: number): Promise<string[]> {
    const { redis } = this.#store;
    const key = this.#keyOf(stage);
    const stop = start + count - 1;
    return stage.state === 'delayed' ? redis.zrevrange(key, start, stop) : redis.lrange(key, start, stop);
  }

  /** New ones push older ones on: where the last one seen is now, or was when it has gone. */
  async #placeBehind(stage: Stage, after: UnfinishedPosition): Promise<number> {
    const { redis } = this.#store;
    const key = this.#keyOf(stage);
    const found =
      stage.state === 'delayed' ? await redis.zrevrank(key, after.jobId) : await redis.lpos(key, after.jobId);
    return found === null ? after.index : found + 1;
  }

  /** BullMQ's key of waiting jobs is `wait`. */
  #keyOf(stage: Stage): string {
    return keyOf(this.#store, stage, stage.state === 'waiting' ? 'wait' : stage.state);
  }
}
