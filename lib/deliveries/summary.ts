import type { Entry } from './entry.js';
import { failedAt, failureOf, handlerOf, parseLine } from './history.js';
import { parseHead, readJobs, type DeliveryHead, type JobRow } from './read-jobs.js';
import type { DeliverySummary, Happening } from './schema.js';
import { forEachPlace, keyOf, type DeliveryStore } from './store.js';

export const SUMMARY_FIELDS = [
  'head',
  'failedReason',
  'timestamp',
  'processedOn',
  'finishedOn',
  'atm',
] as const;
type SummaryRow = JobRow<typeof SUMMARY_FIELDS>;

/** Lines read of a job's log to find its first failure: others may stand before it, but not many. */
const FIRST_LINES = 10;

/** Entries → lines of a list. What has gone meanwhile is left out. */
export async function summarise(store: DeliveryStore, entries: Entry[]): Promise<DeliverySummary[]> {
  const summaries = await forEachPlace(entries, async (some) => {
    const keys = some.map((entry) => keyOf(store, entry, entry.jobId));
    const [rows, logs] = await Promise.all([
      readJobs(store.redis, keys, SUMMARY_FIELDS),
      readLogs(store, keys),
    ]);
    return some.map((entry, index) => toSummary(entry, rows[index] as SummaryRow, logs[index] ?? []));
  });
  return summaries.filter((summary) => summary !== undefined);
}

/** @param log what is known of the job's log, oldest first; its last line at least */
export function toSummary(
  { source, state, jobId }: Pick<Entry, 'source' | 'jobId'> & { state: string },
  [json, failedReason, timestamp, processedOn, finishedOn, attemptsMade]: SummaryRow,
  log: Happening[],
): DeliverySummary | undefined {
  const head = parseHead(json);
  if (!head) return undefined;
  const finishedAt = toIso(finishedOn);
  const failed = state === 'failed';
  const attempts = Number(attemptsMade ?? 0);
  const lastFailedAt = (failed && finishedAt) || firstOf(log.toReversed(), failedAt);
  return {
    source,
    id: head.id,
    jobId,
    state,
    failure: failed ? failureOf(log.at(-1)) : null,
    ...routingOf(head),
    receivedAt: head.receivedAt ?? toIso(timestamp),
    startedAt: toIso(processedOn),
    finishedAt,
    attemptsMade: attempts,
    // BullMQ keeps the reason of an earlier attempt; of what succeeded in the end it would be misleading.
    failedReason: (state !== 'completed' && failedReason) || null,
    firstFailedAt: firstOf(log, failedAt) ?? (failed && attempts <= 1 ? finishedAt : null),
    lastFailedAt,
    handler: firstOf(log.toReversed(), handlerOf),
    replayCount: head.replay?.count ?? 0,
  };
}

function routingOf({ topic, subTopic, tenantId, triggeredAt }: DeliveryHead) {
  return { topic, subTopic, tenantId, triggeredAt };
}

/** The first and the last lines of each log. */
async function readLogs({ redis }: DeliveryStore, keys: string[]): Promise<Happening[][]> {
  const pipeline = redis.pipeline();
  for (const key of keys) pipeline.lrange(`${key}:logs`, 0, FIRST_LINES - 1).lindex(`${key}:logs`, -1);
  const replies = (await pipeline.exec()) ?? [];
  return keys.map((_key, index) => {
    const lines = (replies[2 * index]?.[1] ?? []) as string[];
    const last = replies[2 * index + 1]?.[1] as string | null;
    return [...lines, last].map(parseLine).filter((happening) => happening !== undefined);
  });
}

export function firstOf<T>(log: Happening[], find: (happening: Happening) => T | null): T | null {
  for (const happening of log) {
    const found = find(happening);
    if (found !== null) return found;
  }
  return null;
}

/** Milliseconds as Redis keeps them → ISO 8601. */
export function toIso(milliseconds: string | null | undefined): string | null {
  return milliseconds ? new Date(Number(milliseconds)).toISOString() : null;
}
