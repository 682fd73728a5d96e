/** How the subscription of each topic stands, from what the receiver has seen: for `hookline endpoints status pce`. */
import { z } from 'zod';
import type { HandlerContext } from '../handler.js';
import { PermanentError } from '../handler.js';
import type { Notes } from '../notes.js';
import { parseTimestamp } from '../time.js';

const schema = z.object({
  state: z.enum(['pending', 'confirmed', 'failed', 'unsubscribed']),
  /** ISO 8601: since when. */
  at: z.string(),
  /** The SNS message's own Timestamp: a later message counts for more. */
  messageAt: z.string(),
  /** The job of the message, to try again. */
  jobId: z.string(),
  /** What went wrong in the last try. Never holds a token. */
  reason: z.string().optional(),
});

export type Subscription = z.output<typeof schema>;

/** What is noted of each topic, by its ARN. */
export async function readSubscriptions(notes: Notes): Promise<Map<string, Subscription>> {
  const found = new Map<string, Subscription>();
  for (const [topicArn, note] of await notes.read()) {
    const parsed = schema.safeParse(note);
    if (parsed.success) found.set(topicArn, parsed.data);
  }
  return found;
}

/** The parts of an SNS message that are noted. */
interface Named {
  TopicArn: string;
  Timestamp: string;
}

/** Notes what became of one message of SNS's own. Redis being away is no reason to fail a confirmation. */
export class SubscriptionNote {
  readonly #notes: Notes | undefined;
  readonly #message: Named;
  readonly #ctx: HandlerContext;

  constructor(notes: Notes | undefined, message: Named, ctx: HandlerContext) {
    this.#notes = notes;
    this.#message = message;
    this.#ctx = ctx;
  }

  /** Runs a confirmation: pending, then confirmed, or failed once no try is left. */
  async confirmation(confirm: () => Promise<void>): Promise<void> {
    await this.write('pending');
    try {
      await confirm();
    } catch (error) {
      const ended = error instanceof PermanentError || this.#ctx.attempt >= this.#ctx.maxAttempts;
      await this.write(ended ? 'failed' : 'pending', (error as Error).message);
      throw error;
    }
    await this.write('confirmed');
  }

  async write(state: Subscription['state'], reason?: string): Promise<void> {
    if (!this.#notes) return;
    const { TopicArn, Timestamp } = this.#message;
    const at = new Date().toISOString();
    const note: Subscription = {
      state,
      at,
      messageAt: Timestamp,
      jobId: this.#ctx.jobId,
      ...(reason !== undefined && { reason: reason.slice(0, 500) }),
    };
    try {
      const known = (await readSubscriptions(this.#notes)).get(TopicArn);
      if (known && !counts(note, known)) return;
      await this.#notes.write(TopicArn, note);
    } catch (error) {
      this.#ctx.log.warn(
        { reason: (error as Error).message },
        'the state of the subscription could not be noted',
      );
    }
  }
}

/**
 * Does a note replace the one that is there? What came of an older message does not, but for a success; and that a
 * message which was confirmed is being confirmed once more (the other leg of the handshake) is no step back.
 */
function counts(note: Subscription, known: Subscription): boolean {
  if (note.state === 'confirmed') return true;
  const [time, knownTime] = [parseTimestamp(note.messageAt) ?? 0, parseTimestamp(known.messageAt) ?? 0];
  if (time !== knownTime) return time > knownTime;
  return !(known.state === 'confirmed' && note.state === 'pending');
}
