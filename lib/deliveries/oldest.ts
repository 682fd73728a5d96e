import { parseHead, readJobs } from './read-jobs.js';
import { keyOf, placesOf, type DeliveryStore, type Place } from './store.js';

/**
 * Seconds since the event that is next in a source's queue (of several: the oldest of these) was received, or since an operator had it replayed; 0 when
 * none waits. It may be a retry, whose backoff is part of its age.
 */
export async function oldestWaiting(store: DeliveryStore, source: string): Promise<number> {
  const places = await placesOf(store, [source]);
  return Math.max(...(await Promise.all(places.map((place) => oldestAt(store, place)))));
}

async function oldestAt(store: DeliveryStore, place: Place): Promise<number> {
  // BullMQ takes from the end.
  const jobId = await store.redis.lindex(keyOf(store, place, 'wait'), -1);
  if (jobId === null) return 0;
  const [row] = await readJobs(store.redis, [keyOf(store, place, jobId)], ['timestamp', 'head']);
  const [timestamp, json] = row ?? [null, null];
  // Taken, and gone, since.
  if (timestamp === null) return 0;
  const replayedAt = parseHead(json)?.replay?.at;
  const since = replayedAt === undefined ? Number(timestamp) : Date.parse(replayedAt);
  return Math.max(0, Date.now() - since) / 1_000;
}
