/** What happened to one round's events, from every side: the sender, the queue, the handlers. */
export interface Exchange {
  /** `undefined`: there was no whole answer. */
  status: number | undefined;
  /** `accepted`, `duplicate` or `spooled` of a 200; the error's code of another answer; why there was none. */
  said: string;
  retryAfter: string | undefined;
  milliseconds: number;
}

export interface Sent {
  id: string;
  /** Of events that are handled one at a time and in order. */
  key: string | undefined;
  forged: boolean;
  exchanges: Exchange[];
  /** The provider used up its tries. */
  givenUp: boolean;
}

/** One line of the handlers' ledger, in the order in which they wrote it. */
export interface Run {
  what: 'began' | 'ended';
  id: string;
  pid: number;
}

export interface Queued {
  /** Job ids of the webhook id. */
  jobs: string[];
  /** The number that Redis gave it when it was accepted. */
  seq: number | undefined;
}

export interface History {
  sent: Map<string, Sent>;
  queued: Map<string, Queued>;
  runs: Run[];
}

export function isTaken({ exchanges }: Sent): boolean {
  return exchanges.some(({ status }) => status === 200);
}
