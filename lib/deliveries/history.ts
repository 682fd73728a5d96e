import { z } from 'zod';
import type { Failure, Happening } from './schema.js';

/** Lines of a job's log that are shown; more than any handler's attempts and a few replays make. */
export const MAX_LINES = 500;

const attemptSchema = z.looseObject({
  at: z.string(),
  event: z.literal('attempt'),
  outcome: z.string(),
  handler: z.string().nullish(),
});

const FAILED = new Set(['retried', 'failed', 'quarantined']);

/** A line of a job's log → what happened; `undefined` for a line that is not ours. */
export function parseLine(line: string | null | undefined): Happening | undefined {
  if (!line?.startsWith('{')) return undefined;
  try {
    const { at, event, ...rest } = JSON.parse(line) as Record<string, unknown>;
    return typeof at === 'string' && typeof event === 'string' ? { at, event, ...rest } : undefined;
  } catch {
    return undefined;
  }
}

/** What a failed job is, by the last line of its log. Without one (it stalled, say) it was given up. */
export function failureOf(lastLine: Happening | undefined): Failure {
  const attempt = attemptSchema.safeParse(lastLine);
  return attempt.success && attempt.data.outcome === 'quarantined' ? 'quarantined' : 'dead-letter';
}

/** The time of a failed attempt. */
export function failedAt(happening: Happening | undefined): string | null {
  const attempt = attemptSchema.safeParse(happening);
  return attempt.success && FAILED.has(attempt.data.outcome) ? attempt.data.at : null;
}

/** The file of the handler that ran in an attempt. */
export function handlerOf(happening: Happening | undefined): string | null {
  const attempt = attemptSchema.safeParse(happening);
  return (attempt.success && attempt.data.handler) || null;
}
