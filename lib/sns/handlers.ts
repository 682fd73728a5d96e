import type { WebhookEvent } from '../event.js';
import { fetchLimited } from '../fetch.js';
import { handlerSchema, PermanentError, type Handler, type HandlerContext } from '../handler.js';
import { isSubscribeUrl } from './certificate-url.js';
import type { Notes } from '../notes.js';
import { parseMessage, type SnsMessage } from './message.js';
import { SubscriptionNote } from './subscriptions.js';

type Confirmation = Extract<SnsMessage, { Token: string }>;

const TIMEOUT = 10_000;
const MAX_ANSWER = 1024 * 1024;
/** How many subscriptions this process remembers to have confirmed. */
const REMEMBERED = 100;
/** 4xx answers that may be others a little later. */
const PASSING = new Set([407, 408, 425, 429]);

/**
 * The handlers of SNS's own messages: a subscription is confirmed, the end of one is reported.
 * Token and SubscribeURL are credentials and appear in no log, no error and no note.
 */
export function snsHandlers(source: string, trustedOrigins: ReadonlySet<string>, notes?: Notes): Handler[] {
  const once = onceEach(REMEMBERED);
  return [
    handlerSchema.parse({
      source,
      topic: 'SubscriptionConfirmation',
      attempts: 8,
      backoff: { type: 'exponential', delay: 2_000 },
      timeout: TIMEOUT + 5_000,
      handle: (event: WebhookEvent, ctx: HandlerContext) => {
        const message = readConfirmation(event, 'SubscriptionConfirmation');
        // Both legs of the handshake queue a confirmation; together they ask once.
        const ask = () => once(message.SubscribeURL, () => confirm(message, trustedOrigins, ctx));
        return new SubscriptionNote(notes, message, ctx).confirmation(ask);
      },
    }),
    handlerSchema.parse({
      source,
      topic: 'UnsubscribeConfirmation',
      attempts: 1,
      handle: async (event: WebhookEvent, ctx: HandlerContext) => {
        const message = readConfirmation(event, 'UnsubscribeConfirmation');
        await new SubscriptionNote(notes, message, ctx).write('unsubscribed');
        reportUnsubscribed(message, ctx);
      },
    }),
  ];
}

/**
 * From the signed text rather than the payload: a notification's own content may call itself a confirmation.
 * @throws {PermanentError}
 */
function readConfirmation(event: WebhookEvent, type: Confirmation['Type']): Confirmation {
  const parsed = parseMessage(Buffer.from(event.rawBody));
  if (parsed.ok && parsed.message.Type !== 'Notification' && parsed.message.Type === type)
    return parsed.message;
  throw new PermanentError(
    `Not an SNS ${type}: another message bears this topic. There is nothing to confirm.`,
  );
}

/** GETs the SubscribeURL. A second time is harmless: SNS answers with the same subscription. */
async function confirm(
  message: Confirmation,
  trusted: ReadonlySet<string>,
  ctx: HandlerContext,
): Promise<void> {
  const { SubscribeURL, TopicArn } = message;
  // Checked here and not on arrival: the settings may have changed since, and the job stays to be retried.
  if (!isSubscribeUrl(SubscribeURL, trusted)) {
    throw new PermanentError(
      'The SubscribeURL is neither one of SNS nor of PCE_TRUSTED_ORIGINS. If the sender is yours, add its origin there and replay the delivery.',
    );
  }
  const { status, text } = await fetchLimited(SubscribeURL, {
    timeoutMs: TIMEOUT,
    maxBytes: MAX_ANSWER,
    signal: ctx.signal,
  });
  if (status >= 400) failUnlessConfirmed(status, text);
  else if (status < 200 || status >= 300) throw new Error(`The SubscribeURL answered ${status}.`);
  ctx.log.info({ topicArn: TopicArn }, 'The subscription is confirmed: events of this topic will come here.');
}

/** @throws {PermanentError} where the answer will not change, such as for an expired token; else `Error`. */
function failUnlessConfirmed(status: number, answer: string): void {
  if (status < 500 && /\balready[\s_-]+(?:been[\s_-]+)?confirmed\b/i.test(answer)) return;
  // The AWS query API names its errors; throttling comes as a 400.
  const code = /<Code>([A-Za-z.]{1,64})<\/Code>/.exec(answer)?.[1] ?? '';
  const problem = `The SubscribeURL answered ${status}${code && ` ${code}`}.`;
  if (status >= 500 || PASSING.has(status) || /Throttl/.test(code)) throw new Error(problem);
  throw new PermanentError(
    `${problem} Its token has probably expired (SNS keeps it for a few days) or been replaced. Ask the provider to send the confirmation again; if events of this topic come already, nothing is left to do.`,
  );
}

function reportUnsubscribed({ TopicArn, Timestamp }: Confirmation, ctx: HandlerContext): void {
  ctx.log.warn(
    { topicArn: TopicArn, unsubscribedAt: Timestamp },
    'UNSUBSCRIBED: this endpoint gets no more events of this topic. If that was not meant, create the webhook again in PCE, or GET the SubscribeURL kept with this event within a few days to undo it.',
  );
}

/**
 * Runs one task per key: whoever comes while it runs, or after it succeeded, shares its outcome. A failure is
 * forgotten at once. In this process only, and for the latest `limit` keys.
 */
function onceEach(limit: number): (key: string, task: () => Promise<void>) => Promise<void> {
  const tasks = new Map<string, Promise<void>>();
  return (key, task) => {
    const known = tasks.get(key);
    if (known) return known;
    const running = task();
    tasks.set(key, running);
    running.catch(() => tasks.delete(key));
    const oldest = tasks.keys().next();
    if (tasks.size > limit && !oldest.done) tasks.delete(oldest.value);
    return running;
  };
}
