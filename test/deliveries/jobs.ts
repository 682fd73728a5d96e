/** Writes finished jobs as BullMQ keeps them, many at once: queues of a size that no test could fill by itself. */
import type { RedisConnection } from '../../lib/queue/connection.js';
import { dedupeKey, jobName, newJobId } from '../../lib/queue/names.js';

export interface FinishedJob {
  id: string;
  source: string;
  state: 'completed' | 'failed';
  topic: string | null;
  tenantId?: string;
  reason?: string;
  /** Milliseconds since 1970. */
  receivedAt: number;
  endedAt: number;
  rawBody?: string;
  /** Is the webhook id still remembered? */
  remembered?: boolean;
  /** Lines of the job's log. */
  log?: object[];
}

const TOPICS = [
  'pet.adopted',
  'pet.status_changed',
  'order.created',
  'order.status_changed',
  'payment.succeeded',
];
const BODY = JSON.stringify({ data: { text: 'x'.repeat(400) } });

/** Job `number` of `size`, the oldest first; one in ten has failed, ten end in each millisecond. */
export function oneOfMany(number: number, size: number, now: number): FinishedJob {
  const failed = number % 10 === 0;
  const endedAt = now - Math.floor((size - number) / 10);
  return {
    id: `evt_${number}`,
    source: 'petstore',
    state: failed ? 'failed' : 'completed',
    topic: number === 0 ? 'pet.first' : (TOPICS[number % TOPICS.length] as string),
    tenantId: number === 0 ? 'OU-first' : `OU${number % 100}`,
    reason: 'connect ECONNREFUSED 10.0.0.7:5432',
    receivedAt: endedAt - 20,
    endedAt,
    rawBody: BODY,
    log: failed
      ? [{ at: new Date(endedAt).toISOString(), event: 'attempt', attempt: 1, outcome: 'failed', ms: 12 }]
      : [],
  };
}

/** Adds jobs; answers their ids, in order. */
export async function addFinished(
  redis: RedisConnection,
  prefix: string,
  jobs: FinishedJob[],
): Promise<string[]> {
  const pipeline = redis.pipeline();
  const jobIds = jobs.map((job) => {
    const jobId = newJobId(job.id);
    const base = `${prefix}:${job.source}:`;
    const { receivedAt, endedAt } = job;
    pipeline.hset(`${base}${jobId}`, {
      name: jobName(job.topic),
      data: JSON.stringify(dataOf(job)),
      opts: JSON.stringify({ attempts: 1_000, backoff: { type: 'handler' }, de: { id: dedupeKey(job.id) } }),
      timestamp: receivedAt,
      delay: 0,
      priority: 0,
      deid: dedupeKey(job.id),
      processedOn: receivedAt + 1,
      ats: 1,
      atm: 1,
      finishedOn: endedAt,
      ...(job.state === 'completed'
        ? { returnvalue: 'null' }
        : {
            failedReason: job.reason ?? 'broken',
            stacktrace: JSON.stringify([`Error: ${job.reason ?? 'broken'}\n    at x`]),
          }),
    });
    pipeline.zadd(`${base}${job.state}`, endedAt, jobId);
    if (job.log?.length)
      pipeline.rpush(`${base}${jobId}:logs`, ...job.log.map((line) => JSON.stringify(line)));
    if (job.remembered !== false) {
      pipeline.set(`${base}de:${dedupeKey(job.id)}`, jobId, 'PX', 3 * 86_400_000);
    }
    return jobId;
  });
  for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
  return jobIds;
}

/** A delivery as `makeDelivery` orders its fields. */
function dataOf({ id, source, topic, tenantId, receivedAt, rawBody = '{}' }: FinishedJob) {
  return {
    id,
    source,
    topic,
    subTopic: null,
    tenantId: tenantId ?? null,
    triggeredAt: null,
    receivedAt: new Date(receivedAt).toISOString(),
    rawBody,
    headers: { 'content-type': 'application/json', 'user-agent': 'Petstore-Webhooks/1.0' },
  };
}
