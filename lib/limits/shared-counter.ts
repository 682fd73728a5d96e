import type { RedisConnection } from '../queue/connection.js';
import { withDeadline } from '../deadline.js';
import type { Log } from '../log.js';

/** Keys that one process counts in one window; those who come when all are taken are counted together. */
const MAX_KEYS = 10_000;
const OTHERS = 'others';
/** Keys told to Redis at once. */
const MAX_SHARED = 1_000;
const SHARE_EVERY = 1_000;
const SHARE_DEADLINE = 1_000;

export interface SharedCounterOptions {
  redis: RedisConnection;
  /** Of every key. */
  prefix: string;
  /** Milliseconds. Windows begin at multiples of it, so that all processes have the same ones. */
  window: number;
  log: Log;
  /** Milliseconds since 1970. */
  now?: () => number;
}

interface Count {
  /** Of all processes, as RedisConnection last said. */
  shared: number;
  /** Of this one, not yet told to Redis. */
  own: number;
}

/**
 * Counts by key in windows of time, for all processes together: each counts for itself and adds to Redis once a
 * second, so that counting never waits and a flood costs Redis a few commands. Without Redis each counts alone.
 */
export class SharedCounter {
  readonly #options: Required<SharedCounterOptions>;
  #counts = new Map<string, Count>();
  #windowStart = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SharedCounterOptions) {
    this.#options = { now: Date.now, ...options };
  }

  /** Counts one more. Answers how many there are in this window. */
  add(key: string): number {
    const counts = this.#current();
    const counted = keyOf(counts, key);
    const count = counts.get(counted) ?? { shared: 0, own: 0 };
    counts.set(counted, count);
    count.own += 1;
    this.#schedule();
    return count.shared + count.own;
  }

  count(key: string): number {
    const counts = this.#current();
    const count = counts.get(keyOf(counts, key));
    return count ? count.shared + count.own : 0;
  }

  /** Seconds until the next window, at least one. */
  resetsIn(): number {
    const { now, window } = this.#options;
    return Math.max(1, Math.ceil((window - (now() % window)) / 1_000));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #current(): Map<string, Count> {
    const { now, window } = this.#options;
    const at = now();
    const start = at - (at % window);
    if (start !== this.#windowStart) {
      this.#windowStart = start;
      this.#counts = new Map();
    }
    return this.#counts;
  }

  #schedule(): void {
    if (this.#timer || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#share();
    }, SHARE_EVERY).unref();
  }

  /** Never rejects: what could not be shared is shared the next time somebody is counted. */
  async #share(): Promise<void> {
    const { redis, prefix, window, log } = this.#options;
    const counts = this.#current();
    const start = this.#windowStart;
    const told = [...counts]
      .filter(([, { own }]) => own > 0)
      .slice(0, MAX_SHARED)
      .map(([key, count]) => ({ key: `${prefix}:${start}:${key}`, count, own: count.own }));
    if (told.length === 0 || redis.status !== 'ready') return;
    try {
      const pipeline = redis.pipeline();
      for (const { key, own } of told) pipeline.incrby(key, own).pexpire(key, 2 * window);
      const replies = (await withDeadline(pipeline.exec(), SHARE_DEADLINE)) ?? [];
      told.forEach(({ count, own }, index) => {
        const [error, total] = replies[index * 2] ?? [new Error('no reply')];
        if (error) return;
        count.shared = Number(total);
        count.own -= own;
      });
    } catch (error) {
      log.debug({ reason: (error as Error).message }, 'counts could not be shared');
    }
    if ([...counts.values()].some(({ own }) => own > 0) && counts === this.#counts) this.#schedule();
  }
}

function keyOf(counts: ReadonlyMap<string, Count>, key: string): string {
  return counts.has(key) || counts.size < MAX_KEYS ? key : OTHERS;
}
