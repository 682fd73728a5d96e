import type { RedisConnection } from '../queue/connection.js';
import { HooklineError } from '../errors.js';
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

/** A key of one source's queue, as BullMQ names it: `keyOf(store, 'petstore', 'failed')`, or a job's by its id. */
export function keyOf(store: DeliveryStore, source: string, name: string): string {
  return queueOf(store, source).queue.toKey(name);
}
