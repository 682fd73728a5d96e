/** Receivers' queues of one source, each with a connection and a number of shards of its own, as in several processes. */
import type { Test } from 'tap';
import { makeDelivery } from '../../lib/delivery.js';
import type { Delivery } from '../../lib/event.js';
import { silentLog } from '../../lib/log.js';
import { closeConnection, producerConnection, type RedisConnection } from '../../lib/queue/connection.js';
import { DeliveryQueue } from '../../lib/queue/delivery-queue.js';
import type { TestStore } from '../support/store.js';

export const WINDOW = 3_600_000;

export interface OpenQueue {
  queue: DeliveryQueue;
  redis: RedisConnection;
}

/** `shards` is what this one was started with; `undefined`: it goes by what others say. */
export async function openShards(t: Test, store: TestStore, shards?: number): Promise<OpenQueue> {
  const redis = producerConnection(store.url, 10_000, silentLog);
  const queue = new DeliveryQueue('petstore', {
    redis,
    prefix: store.prefix,
    writeTimeout: 10_000,
    dedupeWindow: WINDOW,
    log: silentLog,
    ...(shards !== undefined && { shards }),
  });
  t.teardown(async () => {
    await queue.close();
    await closeConnection(redis);
  });
  if (redis.status !== 'ready') await new Promise<void>((resolve) => redis.once('ready', () => resolve()));
  await queue.shards();
  return { queue, redis };
}

export function deliveryOf(id: string): Delivery {
  const body = Buffer.from(JSON.stringify({ id, eventType: 'any', data: {} }));
  return makeDelivery('petstore', { body, headers: {} }, { id, topic: 'any' }, new Date());
}

/** All keys of this prefix, whatever the hash tag. */
export async function keysOf(redis: RedisConnection, prefix: string): Promise<string[]> {
  return redis.keys(`${prefix}:*`);
}

/** How many jobs there are for each webhook id; these have no `~`. */
export function jobsById(keys: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) {
    const id = /^.*:([^:~]+)~[\w-]+$/.exec(key)?.[1];
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}
