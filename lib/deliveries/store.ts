import type { RedisConnection } from '../queue/connection.js';
import { HooklineError } from '../errors.js';
import { shardLabel } from '../queue/shards.js';
import type { DeliveryQueue } from '../queue/delivery-queue.js';

/** Where deliveries are looked up: one connection, and the queue of every known source. */
export interface DeliveryStore {
  redis: RedisConnection;
  /** First part of every key. */
  prefix: string;
  queues: ReadonlyMap<string, DeliveryQueue>;
  /** Names of fields that are masked where content is shown, besides those of credentials: `REDACT`. */
  masked?: ReadonlySet<string>;
}

/** @throws {HooklineError} when there is no such source */
export function queueOf(store: DeliveryStore, source: string): DeliveryQueue {
  const queue = store.queues.get(source);
  if (!queue) throw new HooklineError('HKL_ERR_UNKNOWN_SOURCE');
  return queue;
}

/** One of a source's queues. */
export interface Place {
  source: string;
  /** 0 where there is one only. */
  shard: number;
}

/** All queues of these sources. @throws {HooklineError} when there is no such source */
export async function placesOf(store: DeliveryStore, sources: string[]): Promise<Place[]> {
  const places = sources.map(async (source) => {
    const shards = await queueOf(store, source).shards();
    return shards.map(({ index }) => ({ source, shard: index }));
  });
  return (await Promise.all(places)).flat();
}

/** A key of one queue, as BullMQ names it: `keyOf(store, place, 'failed')`, or a job's by its id. */
export function keyOf(store: DeliveryStore, { source, shard }: Place, name: string): string {
  return queueOf(store, source).keyOf(shard, name);
}

/** What is done to some of these, done for each queue by itself (each may be on a node of its own); results in their order. */
export async function forEachPlace<Item extends Place, Result>(
  items: readonly Item[],
  work: (items: Item[]) => Promise<Result[]>,
): Promise<Result[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const label = shardLabel(item.source, item.shard);
    const group = groups.get(label);
    if (group) group.push(item);
    else groups.set(label, [item]);
  }
  if (groups.size <= 1) return work([...items]);
  const results = new Map<Item, Result>();
  const working = [...groups.values()].map(async (group) => {
    const done = await work(group);
    group.forEach((item, index) => results.set(item, done[index] as Result));
  });
  await Promise.all(working);
  return items.map((item) => results.get(item) as Result);
}
