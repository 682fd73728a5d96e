import type { RedisConnection } from '../lib/queue/connection.js';
import { ShardRecord } from '../lib/queue/shard-record.js';
import type { Log } from '../lib/log.js';
import { HandlersError, type Handler } from '../lib/handler.js';
import { shardsVariable } from '../lib/settings/source-limits.js';
import type { RegisteredHandler } from './registry.js';
import type { SourceWorker } from './source-worker.js';

/** Milliseconds. */
const LOOK_EVERY = 5_000;

export interface ShardWorkersOptions {
  source: string;
  redis: RedisConnection;
  prefix: string;
  /** Shards that are taken in any case. */
  atLeast: number;
  /** Some handler leans on one queue for all: an order, or a limit. */
  needsOneQueue: boolean;
  /** Starts to take one shard. */
  open: (shard: number) => SourceWorker;
  log: Log;
}

/** Takes all queues of a source, those too that are added while it runs, or were left by an earlier number. */
export class ShardWorkers {
  readonly #options: ShardWorkersOptions;
  readonly #record: ShardRecord;
  readonly #workers: SourceWorker[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  #warned = false;

  constructor(options: ShardWorkersOptions) {
    this.#options = options;
    this.#record = new ShardRecord({ ...options, wanted: undefined });
    this.#take(options.atLeast);
    void this.#look();
  }

  /** As `SourceWorker.close`. */
  async close(deadline: AbortSignal): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.all(this.#workers.map((worker) => worker.close(deadline)));
  }

  #take(count: number): void {
    while (this.#workers.length < count && !this.#closed)
      this.#workers.push(this.#options.open(this.#workers.length));
  }

  async #look(): Promise<void> {
    const { source, log, needsOneQueue } = this.#options;
    try {
      if (needsOneQueue) await this.#record.askForOneQueue();
      const { number, most } = await this.#record.read({ atLeast: this.#workers.length });
      this.#take(most);
      if (number > 1 && needsOneQueue && !this.#warned) {
        this.#warned = true;
        log.error(
          { source, shards: number },
          'this source is spread over several queues, and its handlers ask for an order or a limit, which then hold ' +
            'within each queue only: set QUEUE_SHARDS of the receivers to 1, or take these options from the handlers',
        );
      }
    } catch (error) {
      log.debug({ source, err: { message: String(error) } }, 'the number of shards could not be read');
    }
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#look(), LOOK_EVERY).unref();
  }
}

/** Its order and its limits are kept with numbers and sets of one queue. */
export function leansOnOneQueue({ serialBy, latestBy, concurrency, rateLimit }: Handler): boolean {
  return [serialBy, latestBy, concurrency, rateLimit].some((option) => option !== undefined);
}

/** @throws {HandlersError} where a handler leans on one queue and its source is spread over several */
export function requireOneQueue(handlers: RegisteredHandler[], shards: Record<string, number>): void {
  for (const { handler, file } of handlers) {
    const number = shards[handler.source] ?? 1;
    if (number === 1 || !leansOnOneQueue(handler)) continue;
    throw new HandlersError(
      `The handler ${file} has serialBy, latestBy, concurrency or rateLimit, which hold within one queue, and ` +
        `${handler.source} is spread over ${number}. Set ${shardsVariable(handler.source)}=1 for the receivers too, or ` +
        'take these options from the handler.',
    );
  }
}
