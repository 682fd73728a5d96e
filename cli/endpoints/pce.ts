/** PCE's subscriptions: how each topic's stands, and confirming once more. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryQueue } from '../../lib/queue/delivery-queue.js';
import { parseDuration } from '../../lib/settings/units.js';
import { statusOfTopics, type TopicStatus } from '../../lib/sns/topic-status.js';
import { CommandError, loadContext, withQueue, type Context } from '../command.js';
import { note, NOT_WELL, print, table, type JsonOption } from '../output.js';

/** Prints each topic's state; exit code 2 when one has failed or is unsubscribed. */
export async function status({ json }: JsonOption): Promise<void> {
  const context = await loadContext();
  const topics = await withQueue(context, 'pce', (queue) => look(context, queue));
  if (json) print(topics);
  else if (topics.length === 0)
    console.log('No topic is known: set PCE_TOPIC_ARNS to those of your subscription.');
  else {
    const rows = topics.map(({ topicArn, state, at }) => [topicArn, state, at ?? '']);
    console.log(table([['topic', 'state', 'since'], ...rows]));
    for (const { topicArn, reason, todo } of topics) {
      if (todo !== null)
        note(`\n${topicArn}: ${[reason, todo].filter((part) => part !== null).join('\n  ')}`);
    }
  }
  if (topics.some(({ state }) => state === 'failed' || state === 'unsubscribed')) process.exitCode = NOT_WELL;
}

export interface ConfirmOptions extends JsonOption {
  topic?: string;
  wait?: string;
}

function look({ settings }: Context, queue: DeliveryQueue): Promise<TopicStatus[]> {
  const configured = (settings.sources['pce']?.['PCE_TOPIC_ARNS'] ?? []) as string[];
  return statusOfTopics(queue, settings.QUEUE_PREFIX, configured);
}

/** Has the latest confirmation of each topic that is not confirmed (or of the one named) tried again, now. */
export async function confirm(options: ConfirmOptions): Promise<void> {
  const wait = parseDuration(options.wait ?? '20s');
  if (wait === undefined || wait > 600_000)
    throw new CommandError('--wait wants a duration up to 10m, such as 20s');
  const context = await loadContext();
  const after = await withQueue(context, 'pce', async (queue) => {
    const before = await look(context, queue);
    const wanted = before.filter(({ topicArn, state }) =>
      options.topic === undefined
        ? state !== 'confirmed' && state !== 'unsubscribed'
        : topicArn === options.topic,
    );
    if (wanted.length === 0) throw new CommandError(nothingToDo(before, options.topic));
    for (const topic of wanted) await tryAgain(queue, topic);
    return waitUntilEnded(context, queue, wanted, wait);
  });
  if (options.json) print(after);
  else
    for (const { topicArn, state, reason } of after)
      console.log(`${topicArn}: ${state}${reason ? `: ${reason}` : ''}`);
  if (after.some(({ state }) => state !== 'confirmed')) process.exitCode = NOT_WELL;
}

function nothingToDo(all: TopicStatus[], topic: string | undefined): string {
  if (topic !== undefined) {
    return `There is no topic ${topic}. Known: ${all.map(({ topicArn }) => topicArn).join(', ') || 'none'}.`;
  }
  return all.length === 0
    ? 'No topic is known: set PCE_TOPIC_ARNS.'
    : 'There is nothing to confirm: see "hookline endpoints status pce".';
}

async function tryAgain(queue: DeliveryQueue, { topicArn, state, jobId, todo }: TopicStatus): Promise<void> {
  const job = jobId === null ? undefined : await queue.findJob(jobId);
  if (!job) {
    throw new CommandError(
      state === 'not-seen'
        ? `The receiver has seen no confirmation of ${topicArn}. ${todo ?? ''}`
        : `The confirmation of ${topicArn} is not kept any more. Create the webhook again in PCE, so that it is sent anew.`,
    );
  }
  const jobState = await job.getState();
  if (jobState === 'delayed') await job.promote();
  else if (jobState === 'failed' || jobState === 'completed') {
    await job.retry(jobState, { resetAttemptsMade: true, resetAttemptsStarted: true });
  }
}

async function waitUntilEnded(
  context: Context,
  queue: DeliveryQueue,
  wanted: TopicStatus[],
  wait: number,
): Promise<TopicStatus[]> {
  const until = Date.now() + wait;
  const names = new Set(wanted.map(({ topicArn }) => topicArn));
  for (;;) {
    const now = (await look(context, queue)).filter(({ topicArn }) => names.has(topicArn));
    const ended = now.every(({ topicArn, state, at }) => {
      const old = wanted.find((topic) => topic.topicArn === topicArn);
      // Noted anew: what was noted before this command says nothing of its try.
      return at !== old?.at && state !== 'pending';
    });
    if (ended || Date.now() > until) return now;
    await sleep(200);
  }
}
