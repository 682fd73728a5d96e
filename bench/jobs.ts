import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, type JobsOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { makeDelivery } from '../lib/delivery.js';
import type { Delivery } from '../lib/event.js';
import { pitchpointSamples } from '../senders/samples/pitchpoint.js';
import { bodyOf } from './requests.js';

export const QUEUE = 'pitchpoint';
/** Completed jobs that all workers keep: few, so that each one that is added soon takes one away, as in the long run. */
export const KEPT = 1_000;

const DAYS_3 = 259_200_000;
const CHUNK = 500;

/** A delivery of 1.1 kB, as the receiver queues it. */
export function newDelivery(): Delivery {
  const [sample] = pitchpointSamples;
  if (!sample) throw new Error('there is no sample');
  const id = randomUUID();
  const { topic, subTopic, tenantId } = sample;
  const headers = {
    'content-type': 'application/json',
    'x-pps-webhook-id': id,
    'x-pps-topic': topic,
    ...(subTopic !== undefined && { 'x-pps-sub-topic': subTopic }),
    ...(tenantId !== undefined && { 'x-pps-tenant-id': tenantId }),
  };
  const body = Buffer.from(JSON.stringify(bodyOf(1.1 * 1024)));
  return makeDelivery(QUEUE, { body, headers }, { id, topic, subTopic, tenantId }, new Date());
}

/** As the receiver has them: each with its id remembered, and attempts that the worker decides on. */
export function optionsOf({ id }: Delivery): JobsOptions {
  return {
    jobId: `${id}~bench`,
    deduplication: { id, ttl: DAYS_3 },
    attempts: 1_000,
    backoff: { type: 'handler' },
  };
}

/** A queue that is filled while it stands still, then let go. BullMQ's own, so that every worker has the same jobs. */
export class JobQueue {
  readonly queue: Queue;
  readonly #redis: Redis;
  readonly #lists: [string, string];

  constructor(redisUrl: string, prefix: string) {
    this.#redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
    this.queue = new Queue(QUEUE, { connection: this.#redis, prefix });
    this.#lists = [`${prefix}:${QUEUE}:wait`, `${prefix}:${QUEUE}:active`];
  }

  /** Adds jobs and lets none be taken. */
  async fill(count: number): Promise<void> {
    await this.queue.pause();
    for (let left = count; left > 0; left -= CHUNK) {
      const deliveries = Array.from({ length: Math.min(left, CHUNK) }, newDelivery);
      await this.queue.addBulk(
        deliveries.map((data) => ({ name: data.topic ?? '', data, opts: optionsOf(data) })),
      );
    }
  }

  /** Lets the jobs go. Milliseconds until there is none left. */
  async drain(): Promise<number> {
    const started = performance.now();
    await this.queue.resume();
    await this.empty();
    return performance.now() - started;
  }

  /** Waits until nothing waits or is being handled. */
  async empty(pause = 10): Promise<void> {
    const [wait, active] = this.#lists;
    while ((await this.#redis.llen(wait)) + (await this.#redis.llen(active)) > 0) await sleep(pause);
  }

  async close(): Promise<void> {
    await this.queue.close();
    this.#redis.disconnect();
  }
}
