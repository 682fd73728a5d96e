/** How the subscription of each topic stands: what was noted, and what is queued and nobody has taken yet. */
import type { Job } from 'bullmq';
import type { Delivery } from '../event.js';
import { openNotes } from '../notes.js';
import type { Trust } from '../overview/schema.js';
import type { DeliveryQueue } from '../queue/delivery-queue.js';
import type { Shard } from '../queue/shard.js';
import { parseMessage } from './message.js';
import { readSubscriptions, type Subscription } from './subscriptions.js';

const CONFIRMATION = 'SubscriptionConfirmation';
/** How many of the oldest jobs that nobody has taken yet are looked at: a confirmation is among the first events. */
const LOOK_AT = 500;

export interface TopicStatus {
  topicArn: string;
  /** `not-seen`: the receiver knows of no confirmation. */
  state: Subscription['state'] | 'not-seen';
  at: string | null;
  reason: string | null;
  jobId: string | null;
  /** What to do; `null` where all is well. */
  todo: string | null;
}

const TODO: Record<TopicStatus['state'], string | null> = {
  confirmed: null,
  pending: 'It is tried again by itself; "hookline endpoints confirm pce" tries at once.',
  failed:
    'Mend the cause, then: hookline endpoints confirm pce. A token that has expired needs a new confirmation: create the webhook again in PCE.',
  unsubscribed:
    'No event of this topic comes any more. If that was not meant, create the webhook again in PCE.',
  'not-seen':
    'Create the webhook in PCE with the public URL of /webhooks/pce, and check that PCE_TOPIC_ARNS names this topic exactly.',
};

/**
 * Of every topic that is configured, and of those that were noted under earlier settings.
 * @param prefix QUEUE_PREFIX
 */
export async function statusOfTopics(
  queue: DeliveryQueue,
  prefix: string,
  configured: readonly string[],
): Promise<TopicStatus[]> {
  const client = await queue.queue.getBackend().client;
  const noted = await readSubscriptions(openNotes(client, prefix, queue.queue.name));
  const shards = await queue.shards();
  const waiting = new Map<string, Job<Delivery>>();
  for (const shard of shards)
    for (const [topicArn, job] of await waitingConfirmations(shard)) waiting.set(topicArn, job);
  return [...new Set([...configured, ...noted.keys()])].map((topicArn) => {
    const subscription = noted.get(topicArn);
    if (!subscription) return unnoted(topicArn, waiting.get(topicArn));
    const { state, at, reason, jobId } = subscription;
    return { topicArn, state, at, reason: reason ?? null, jobId, todo: TODO[state] };
  });
}

function unnoted(topicArn: string, job: Job<Delivery> | undefined): TopicStatus {
  if (!job)
    return { topicArn, state: 'not-seen', at: null, reason: null, jobId: null, todo: TODO['not-seen'] };
  return {
    topicArn,
    state: 'pending',
    at: job.data.receivedAt,
    reason: 'It is queued, and no worker has taken it yet.',
    jobId: job.id ?? null,
    todo: 'Start a worker, or see why it does not take it.',
  };
}

/** Confirmations that are queued, the latest of each topic. Names are read first: bodies may be large. */
async function waitingConfirmations({ queue }: Shard): Promise<Map<string, Job<Delivery>>> {
  const ids = await queue.getRanges(['waiting', 'active', 'delayed'], 0, LOOK_AT - 1, true);
  const client = await queue.getBackend().client;
  const names = await Promise.all(ids.map((id) => client.hget(queue.toKey(id), 'name')));
  const found = new Map<string, Job<Delivery>>();
  for (const [index, id] of ids.entries()) {
    if (names[index] !== CONFIRMATION) continue;
    const job = await queue.getJob(id);
    const topicArn = job && topicOf(job);
    if (job && topicArn !== undefined) found.set(topicArn, job);
  }
  return found;
}

function topicOf({ data }: Job<Delivery>): string | undefined {
  const parsed = parseMessage(Buffer.from(data.rawBody));
  return parsed.ok ? parsed.message.TopicArn : undefined;
}

const TRUST: Record<TopicStatus['state'], Trust['state']> = {
  confirmed: 'ok',
  pending: 'pending',
  failed: 'failed',
  unsubscribed: 'failed',
  'not-seen': 'unknown',
};

/** A topic's subscription as the overview has it. */
export function toTrust({ topicArn, state, at, reason, todo }: TopicStatus): Trust {
  const detail = [state, reason, todo].filter((part) => part !== null).join('. ');
  return { what: `subscription ${topicArn}`, state: TRUST[state], at, detail };
}
