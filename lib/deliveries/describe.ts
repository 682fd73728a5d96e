import { isMasked, redact } from '../redact.js';
import { MAX_LINES, parseLine } from './history.js';
import { DISCARDED, lookUp } from './look-up.js';
import { readJobs } from './read-jobs.js';
import type { DeliveryState, DeliverySummary, Happening, Step } from './schema.js';
import { keyOf, type DeliveryStore } from './store.js';
import { SUMMARY_FIELDS, toSummary } from './summary.js';

/**
 * All that is known of one delivery: a handful of reads, however many jobs there are. `id` is a webhook id, or
 * a job's.
 * @throws {HooklineError} when there is no such source
 */
export async function describeDelivery(
  store: DeliveryStore,
  source: string,
  id: string,
): Promise<DeliveryState | undefined> {
  const found = await lookUp(store, source, id);
  if (!found) return undefined;
  const { jobId, entry } = found;
  if (!entry) return gone(source, id, jobId);
  const key = keyOf(store, entry, jobId);
  const [[row], lines, steps] = await Promise.all([
    readJobs(store.redis, [key], [...SUMMARY_FIELDS, 'stacktrace']),
    store.redis.lrange(`${key}:logs`, -MAX_LINES, -1),
    readSteps(store, key),
  ]);
  if (!row) return undefined;
  const [head, failedReason, timestamp, processedOn, finishedOn, attempts, stacks] = row;
  const log = lines.map(parseLine).filter((happening) => happening !== undefined);
  const summary = toSummary(entry, [head, failedReason, timestamp, processedOn, finishedOn, attempts], log);
  // It was trimmed or removed between two reads.
  if (!summary) return gone(source, id, jobId);
  return {
    ...summary,
    trimmed: false,
    discarded: false,
    stack: lastStack(stacks),
    history: toHistory(summary, log, steps),
    steps,
    replays: log.filter(({ event }) => event === 'replay').map(toReplay),
  };
}

/**
 * Failed jobs outlive the memory of their ids, and removing a job forgets its id unless that was asked for: so a
 * job that is gone while its id is remembered was completed, or says that it was discarded.
 */
function gone(source: string, id: string, jobId: string): DeliveryState {
  const discarded = jobId.startsWith(DISCARDED);
  return {
    source,
    id,
    jobId: discarded ? jobId.slice(DISCARDED.length) : jobId,
    state: discarded ? 'failed' : 'completed',
    failure: null,
    topic: null,
    subTopic: null,
    tenantId: null,
    triggeredAt: null,
    receivedAt: null,
    startedAt: null,
    finishedAt: null,
    attemptsMade: 0,
    failedReason: null,
    firstFailedAt: null,
    lastFailedAt: null,
    handler: null,
    replayCount: 0,
    trimmed: true,
    discarded,
    stack: null,
    history: [],
    steps: [],
    replays: [],
  };
}

const STEP = 'step:';
const NONE: ReadonlySet<string> = new Set();

/** Steps are fields of the job's hash beside BullMQ's: `step:<name>` → `{"value","at","attempt"}`. */
async function readSteps({ redis, masked = NONE }: DeliveryStore, jobKey: string): Promise<Step[]> {
  const fields = (await redis.hkeys(jobKey)).filter((field) => field.startsWith(STEP));
  if (fields.length === 0) return [];
  const values = await redis.hmget(jobKey, ...fields);
  const steps = fields.map((field, index) => toStep(field.slice(STEP.length), values[index], masked));
  return steps.sort((a, b) => ((a.at ?? '') < (b.at ?? '') ? -1 : 1));
}

function toStep(name: string, json: string | null | undefined, masked: ReadonlySet<string>): Step {
  try {
    const { value, at, attempt } = JSON.parse(json ?? '') as Record<string, unknown>;
    return {
      name,
      at: typeof at === 'string' ? at : null,
      attempt: typeof attempt === 'number' ? attempt : null,
      value: isMasked(name, masked) ? '***' : redact(value, masked),
    };
  } catch {
    return { name, at: null, attempt: null, value: null };
  }
}

function toHistory(summary: DeliverySummary, log: Happening[], steps: Step[]): Happening[] {
  const { receivedAt, finishedAt, state } = summary;
  const happenings: Happening[] = [
    ...(receivedAt === null ? [] : [{ at: receivedAt, event: 'received' }]),
    ...log,
    ...steps.flatMap(({ name, at, attempt }) => (at === null ? [] : [{ at, event: 'step', name, attempt }])),
  ];
  // ISO times of one form sort as text; what happened at the same time keeps its order.
  happenings.sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)));
  if (finishedAt !== null) happenings.push({ at: finishedAt, event: state });
  return happenings;
}

/** BullMQ keeps the stacks of failed attempts, the last one last. */
function lastStack(json: string | null): string | null {
  try {
    const stacks = JSON.parse(json ?? '[]') as unknown[];
    const last = stacks.at(-1);
    return typeof last === 'string' ? last : null;
  } catch {
    return null;
  }
}

function toReplay({ at, by, filter }: Happening) {
  return { at, by: String(by), filter: typeof filter === 'string' ? filter : null };
}
