import type { Backoff } from '../lib/handler.js';

/** BullMQ's word for: do not try again (`Job.moveToFailed` in its sources). */
export const NO_RETRY = -1;

/**
 * Milliseconds before the next attempt, after `attemptsMade` attempts have failed, or `NO_RETRY`.
 * The part of the delay that `jitter` names is drawn evenly, so that events that failed together do not come
 * back together.
 */
export function nextDelay(
  attemptsMade: number,
  attempts: number,
  backoff: Backoff,
  random: () => number = Math.random,
): number {
  if (attemptsMade >= attempts) return NO_RETRY;
  return Math.round(fullDelay(attemptsMade, backoff) * (1 - backoff.jitter * random()));
}

function fullDelay(attemptsMade: number, backoff: Backoff): number {
  if (backoff.type === 'schedule') {
    const { delays } = backoff;
    return delays[Math.min(attemptsMade, delays.length) - 1] ?? 0;
  }
  const { type, delay, maxDelay } = backoff;
  return Math.min(type === 'fixed' ? delay : delay * 2 ** (attemptsMade - 1), maxDelay);
}
