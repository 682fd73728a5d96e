import { Redis } from 'ioredis';
import { acceptOnce, startServer } from './accept.js';
import { JobQueue } from './jobs.js';
import type { Subject } from './processes.js';
import { pitchpointTraffic, type Traffic } from './requests.js';
import { startWorker } from './worker.js';

export const PREFIX = 'hookline';

export const CONNECTIONS = 64;

/** Receiver and worker on a Redis that was empty; the worker's handler does nothing. */
export interface Stage {
  redis: Redis;
  queue: JobQueue;
  /** What the receiver takes. */
  traffic: Traffic;
  receiver: Subject;
  worker: Subject;
  /**
   * Accepts at least so many events from `CONNECTIONS`, as fast as it goes. How many there were. The queue is paused for it, and
   * stays so: the worker takes nothing before it is drained.
   */
  accept: (events: number) => Promise<number>;
}

export async function withStage<Result>(
  redisUrl: string,
  measure: (stage: Stage) => Promise<Result>,
): Promise<Result> {
  const redis = new Redis(redisUrl);
  const queue = new JobQueue(redisUrl, PREFIX);
  const ending: Array<() => Promise<void>> = [() => queue.close()];
  try {
    await redis.flushdb();
    const traffic = await pitchpointTraffic(1.1 * 1024);
    ending.push(() => traffic.close());
    const environment = { REDIS_URL: redisUrl, QUEUE_PREFIX: PREFIX };
    const receiver = await startServer('hookline', { ...environment, ...traffic.environment });
    ending.push(() => receiver.stop());
    const worker = await startWorker('empty', environment);
    ending.push(() => worker.stop());
    const accept = async (events: number) => {
      await queue.queue.pause();
      let taken = 0;
      while (taken < events) {
        const duration = events - taken > 10_000 ? 1_000 : 200;
        const load = { connections: CONNECTIONS, duration, next: traffic.next };
        taken += (await acceptOnce(receiver, load)).answers;
      }
      return taken;
    };
    return await measure({ redis, queue, traffic, receiver, worker, accept });
  } finally {
    for (const end of ending.toReversed()) await end();
    redis.disconnect();
  }
}
