/** How each provider goes on when a delivery fails, as data. */

/** What an answer means to the provider. `refused`: it will not come again with this event. */
export type Judgement = 'delivered' | 'retry' | 'refused';

export interface RetrySchedule {
  provider: string;
  /** Milliseconds to wait before each try, the first included; one entry for every try. */
  delays: readonly number[];
  /** Milliseconds within which the whole answer is due. */
  timeoutMs: number;
  /** The first range that holds the status decides; a status in none of them, and no answer at all, is `retry`. */
  judgements: ReadonlyArray<{ from: number; to: number; means: Judgement }>;
  /** What becomes of an endpoint when an event has used up its tries. */
  consequence: 'disabled' | 'blocked';
  /** What to do about that. */
  todo: string;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export const schedules: Readonly<Record<string, RetrySchedule>> = {
  /** PetstoreAPI Webhooks Protocol Guide: at once, then after 1 min, 5 min, 30 min and 1 h; an answer within 5 s. */
  petstore: {
    provider: 'petstore',
    delays: [0, MINUTE, 5 * MINUTE, 30 * MINUTE, 60 * MINUTE],
    timeoutMs: 5 * SECOND,
    judgements: [{ from: 200, to: 299, means: 'delivered' }],
    consequence: 'disabled',
    todo: 'Mend the receiver, then "hookline endpoints enable <id>", and ask Petstore to send again what it gave up.',
  },
  /**
   * PCE's guide: five tries, then the endpoint is blocked. Between them, growing pauses that begin with Amazon SNS's
   * 20 s. SNS waits 15 s, and takes anything from 200 to 499 for delivered.
   */
  pce: {
    provider: 'pce',
    delays: [0, 20 * SECOND, 40 * SECOND, 80 * SECOND, 160 * SECOND],
    timeoutMs: 15 * SECOND,
    judgements: [{ from: 200, to: 499, means: 'delivered' }],
    consequence: 'blocked',
    todo: 'Mend the receiver, then enable the endpoint again in the PM portal, under Webhooks; what was given up is not sent again.',
  },
  /**
   * Pitchpoint's guide: exponentially growing pauses after an answer from 500 on, or none; any other one than 2xx is
   * final, and may have the endpoint disabled. First pause and number of tries are assumed.
   */
  pitchpoint: {
    provider: 'pitchpoint',
    delays: [0, ...Array.from({ length: 7 }, (_, index) => 10 * SECOND * 2 ** index)],
    timeoutMs: 15 * SECOND,
    judgements: [
      { from: 200, to: 299, means: 'delivered' },
      { from: 300, to: 499, means: 'refused' },
    ],
    consequence: 'disabled',
    todo: 'Mend the receiver, then ask the account representative to enable the endpoint and to send again what was given up.',
  },
};

/** What the provider makes of a status; `undefined`: there was no answer in time. */
export function judge({ judgements }: RetrySchedule, status: number | undefined): Judgement {
  if (status === undefined) return 'retry';
  return judgements.find(({ from, to }) => status >= from && status <= to)?.means ?? 'retry';
}
