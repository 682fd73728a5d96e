import { boundedId } from '../delivery.js';
import { dedupeKey, label } from '../queue/names.js';
import type { Entry } from './entry.js';
import { parseHead, readJobs } from './read-jobs.js';
import { keyOf, placesOf, queueOf, type DeliveryStore, type Place } from './store.js';

export interface Found {
  jobId: string;
  /** Where the job is; missing when only the id is remembered. */
  entry: Entry | undefined;
}

/** What `newJobId` makes; none of the queue's other keys looks like that. */
const JOB_ID = /^[^:]+~[\w-]+$/;

/** Marks, in place of its job, the id of a delivery that was discarded and must not come again. */
export const DISCARDED = 'discarded~';

/**
 * The newest job of a webhook id, or the job with this id itself. One read while the webhook id is remembered
 * (`DEDUPE_WINDOW`); what failed longer ago than that is found by its name in the queue's sets.
 * @throws {HooklineError} when there is no such source
 */
export async function lookUp(
  store: DeliveryStore,
  source: string,
  given: string,
): Promise<Found | undefined> {
  const id = boundedId(given) ?? '';
  const shards = await queueOf(store, source).shards();
  const remembered = await first(shards, async ({ queue, index: shard }) => {
    const jobId = await queue.getDeduplicationJobId(dedupeKey(id));
    return jobId ? { jobId, entry: await placeOf(store, { source, shard }, jobId) } : undefined;
  });
  if (remembered) return remembered;
  const places = await placesOf(store, [source]);
  const named = JOB_ID.test(given) ? await first(places, (place) => placeOf(store, place, given)) : undefined;
  const entry = named ?? (await newestByName(store, places, id));
  return entry && { jobId: entry.jobId, entry };
}

/** Asks all at once, and answers what the first has that has anything: no id and no job is in two queues. */
async function first<Asked, Answer>(
  all: readonly Asked[],
  ask: (one: Asked) => Promise<Answer | undefined>,
): Promise<Answer | undefined> {
  return (await Promise.all(all.map(ask))).find((answer) => answer !== undefined);
}

/** Where a job is, in constant time; `undefined` when it is gone. */
export async function placeOf(
  store: DeliveryStore,
  { source, shard }: Place,
  jobId: string,
): Promise<Entry | undefined> {
  const key = (name: string) => keyOf(store, { source, shard }, name);
  // One transaction, so that a job on its way from one place to another is seen in one of them.
  const replies = await store.redis
    .multi()
    .hexists(key(jobId), 'data')
    .zscore(key('failed'), jobId)
    .zscore(key('completed'), jobId)
    .zscore(key('delayed'), jobId)
    .lpos(key('active'), jobId)
    .exec();
  const [exists, failed, completed, delayed, active] = (replies ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply as string | number | null;
  });
  const entry = { source, shard, jobId };
  if (exists !== 1) return undefined;
  if (typeof failed === 'string') return { ...entry, state: 'failed', endedAt: Number(failed) };
  if (typeof completed === 'string') return { ...entry, state: 'completed', endedAt: Number(completed) };
  if (typeof delayed === 'string') return { ...entry, state: 'delayed' };
  // What is in no other place waits: the list of those can be long, and need not be searched.
  return { ...entry, state: typeof active === 'number' ? 'active' : 'waiting' };
}

/** Milliseconds, and members looked at by one command. */
const SCAN_LIMIT = 600;
const SCAN_COUNT = 10_000;

async function newestByName(store: DeliveryStore, places: Place[], id: string): Promise<Entry | undefined> {
  const found = await Promise.all(places.map((place) => findByName(store, place, id)));
  return found.filter((entry) => entry !== undefined).sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))[0];
}

/** Job ids begin with the webhook id: Redis compares the names without reading a job. */
async function findByName(store: DeliveryStore, place: Place, id: string): Promise<Entry | undefined> {
  const end = performance.now() + SCAN_LIMIT;
  for (const state of ['failed', 'delayed', 'completed'] as const) {
    const jobIds: string[] = [];
    let cursor = '0';
    do {
      const [next, members] = await store.redis.zscan(
        keyOf(store, place, state),
        cursor,
        'MATCH',
        `${label(id)}~*`,
        'COUNT',
        SCAN_COUNT,
      );
      // Members and scores alternate.
      jobIds.push(...members.filter((_member, index) => index % 2 === 0));
      cursor = next;
    } while (cursor !== '0' && performance.now() < end);
    const entry = await newestOf(store, place, id, jobIds);
    if (entry) return entry;
  }
  return undefined;
}

/** Names are cut short where ids are long, so each candidate is asked for its own. */
async function newestOf(store: DeliveryStore, place: Place, id: string, jobIds: string[]) {
  const keys = jobIds.map((jobId) => keyOf(store, place, jobId));
  const heads = await readJobs(store.redis, keys, ['head', 'timestamp']);
  const [newest] = heads
    .map(([json, timestamp], index) => ({ head: parseHead(json), at: Number(timestamp), index }))
    .filter(({ head }) => head?.id === id)
    .sort((a, b) => b.at - a.at);
  return newest && placeOf(store, place, jobIds[newest.index] as string);
}
