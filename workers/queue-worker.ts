import { Worker, type IQueueBackend, type Processor, type WorkerOptions } from 'bullmq';
import type { Delivery } from '../lib/event.js';
import type { RedisConnection } from '../lib/queue/connection.js';
import { untilTaken, type Patience } from '../lib/queue/refusal.js';
import type { ShardName } from '../lib/queue/shards.js';
import { giveBackLost } from './stalled.lua.js';

/**
 * Whoever has an event in hand says so every three seconds; all workers look every two for those of whom nobody said it in
 * `WINDOW`. So a worker that died gives its events back within 24 s. The lock itself outlives any time for which Redis may be
 * away: with it a worker ends what it had in hand then. A handler that blocks the event loop for 7 s may be run twice.
 */
const LOCKS = {
  lockDuration: 86_400_000,
  lockRenewTime: 3_000,
  stalledInterval: 2_000,
} satisfies Partial<WorkerOptions>;

export interface QueueWorkerOptions extends Omit<WorkerOptions, keyof typeof LOCKS | 'autorun' | 'prefix'> {
  connection: RedisConnection;
  maxStalledCount: number;
  patience: Patience;
}

/**
 * BullMQ's worker, with what it lacks: what is in hand while Redis is away or refuses writes is neither given to others nor
 * forgotten, and a worker can be left behind. docs/decisions/0020-lost-workers.md
 */
export class QueueWorker extends Worker<Delivery> {
  constructor(
    { prefix, name, base }: ShardName,
    processor: Processor<Delivery>,
    { patience, ...options }: QueueWorkerOptions,
  ) {
    const { connection, maxStalledCount } = options;
    super(name, processor, { ...options, ...LOCKS, prefix, autorun: false });
    const backend = this.getBackend();
    backend.moveStalledJobsToWait = () => giveBackLost(connection, base, maxStalledCount);
    const completed = backend.moveToCompleted.bind(backend);
    const failed = backend.moveToFailed.bind(backend);
    const delayed = backend.moveToDelayed.bind(backend);
    // Whether the next event is wanted too: not when the worker has begun to close since the first try.
    const still = (wanted = false) => wanted && !this.closing;
    Object.assign(backend, {
      moveToCompleted: untilTaken(
        (...[job, value, keep, token, next]: Parameters<typeof completed>) =>
          completed(job, value, keep, token, still(next)),
        patience,
      ),
      moveToFailed: untilTaken(
        (...[job, reason, keep, token, next, fields]: Parameters<typeof failed>) =>
          failed(job, reason, keep, token, still(next), fields),
        patience,
      ),
      moveToDelayed: untilTaken(
        (...[id, at, delay, token, options]: Parameters<typeof delayed>) =>
          delayed(id, at, delay, token, { ...options, fetchNext: still(options?.fetchNext) }),
        patience,
      ),
      retryJob: untilTaken(backend.retryJob.bind(backend), patience),
      moveJobFromActiveToWait: untilTaken(backend.moveJobFromActiveToWait.bind(backend), patience),
    } satisfies Partial<IQueueBackend>);
  }

  /** No lock is renewed any more: what it had in hand is taken by another worker in time. */
  async leave(): Promise<void> {
    await this.lockManager.close();
  }
}
