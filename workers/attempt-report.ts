import type { Log } from '../lib/log.js';

/** What became of one attempt: the label of the metric, of the log line and of the history. */
export type AttemptOutcome = 'completed' | 'stale' | 'retried' | 'failed' | 'quarantined' | 'returned';

export interface AttemptReport {
  source: string;
  /** `undefined` where no handler was found: topics that nobody handles are not a label. */
  handlerTopic: string | undefined;
  outcome: AttemptOutcome;
  seconds: number;
  /** Seconds since the event arrived, where this attempt handled it and it was not replayed. */
  sinceArrival: number | undefined;
}

/** What every line of an attempt's log says. */
export interface AttemptFields {
  source: string;
  id: string;
  topic: string | null;
  jobId: string | undefined;
  /** 1 for the first. */
  attempt: number;
  traceId: string | undefined;
}

/** One line for each attempt, whatever became of it. */
export function logAttempt(
  log: Log,
  { source, id, topic, jobId, attempt, traceId }: AttemptFields,
  { outcome, ms }: { outcome: AttemptOutcome; ms: number },
  error: Error | undefined,
): void {
  // Member by member: of a copy with two members more, V8 leaves half a kilobyte until the next full collection.
  const fields = { source, id, topic, jobId, attempt, traceId, outcome, ms };
  switch (outcome) {
    case 'completed':
      return log.info(fields, 'handled');
    case 'stale':
      return log.info(fields, 'a newer version has been handled; nothing to do');
    case 'returned':
      return log.warn(fields, 'given back to the queue at shutdown');
    case 'retried':
      return log.warn({ ...fields, err: error }, 'attempt failed; it will be tried again');
    case 'failed':
      return log.error({ ...fields, err: error }, 'failed for good');
    case 'quarantined':
      return log.error({ ...fields, reason: error?.message }, 'quarantined');
  }
}
