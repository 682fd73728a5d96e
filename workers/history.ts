import { Job } from 'bullmq';
import type { AttemptOutcome } from './attempt-report.js';

/** How many attempts of one event are remembered, the last ones. */
const KEPT = 50;
const MAX_MESSAGE = 1_000;

/**
 * One line of a job's log (BullMQ's list `<job>:logs`, shown in the dashboard, gone with the job), as JSON. Every
 * attempt that did not simply complete has one: those that failed, and the success that came after.
 */
export interface HistoryLine {
  /** ISO 8601, UTC: when the attempt ended. */
  at: string;
  event: 'attempt';
  attempt: number;
  outcome: AttemptOutcome;
  ms: number;
  error?: { name: string; message: string };
  /** The handler's file, where there is one for the event. */
  handler?: string;
}

/** Adds a line. @throws when the job is gone or Redis does not take it */
export async function appendHistory(
  queue: Parameters<typeof Job.addJobLog>[0],
  jobId: string,
  line: Omit<HistoryLine, 'at' | 'event' | 'error'> & { error?: Error | undefined },
): Promise<void> {
  const { error, ...rest } = line;
  const whole: HistoryLine = {
    at: new Date().toISOString(),
    event: 'attempt',
    ...rest,
    ...(error ? { error: { name: error.name, message: error.message.slice(0, MAX_MESSAGE) } } : {}),
  };
  await Job.addJobLog(queue, jobId, JSON.stringify(whole), KEPT);
}
