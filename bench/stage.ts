import { Redis } from 'ioredis';
import { acceptOnce, startServer } from './accept.js';
import { JobQueue } from './jobs.js';
import { pitchpointTraffic } from './requests.js';
import { startWorker } from './worker.js';

export const PREFIX = 'hookline';

/** Receiver and worker on an empty Redis; the worker takes nothing but while the queue is drained. */
export interface Stage {
  redis: Redis;
  queue: JobQueue;
  /** Accepts at least so many events from 64 connections, as fast as it goes. How many there were. */
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
        taken += (await acceptOnce(receiver, { connections: 64, duration, next: traffic.next })).answers;
      }
      return taken;
    };
    return await measure({ redis, queue, accept });
  } finally {
    for (const end of ending.toReversed()) await end();
    redis.disconnect();
  }
}
