import { UnrecoverableError } from 'bullmq';
import { toMilliseconds } from '../lib/duration.js';
import { PermanentError, RetryLater } from '../lib/handler-errors.js';

/**
 * An authentic event that cannot be handled as it is. It fails at once and stays among the failed jobs, its
 * reason saying what to do; a retry after that looks at it afresh.
 */
export class QuarantineError extends UnrecoverableError {
  override name = 'QuarantineError';
}

/** A handler did not end within its time limit. */
export class HandlerTimeoutError extends Error {
  override name = 'HandlerTimeoutError';
}

/** The process stops before the handler has ended. */
export class ShutdownError extends Error {
  override name = 'ShutdownError';
  constructor() {
    super('the worker is shutting down; the event goes back to the queue');
  }
}

/**
 * Did a handler say that no retry can help? By class, or by name: a handler in a mounted folder may bring its
 * own copy of the class.
 */
export function isPermanent(error: unknown): error is Error {
  if (error instanceof PermanentError || error instanceof UnrecoverableError) return true;
  if (!(error instanceof Error)) return false;
  const names = namesOf(error);
  return names.includes('PermanentError') || names.includes('UnrecoverableError');
}

/** Milliseconds that a handler asked for with `RetryLater`, by class or by name; `undefined` for other errors. */
export function retryDelay(error: unknown): number | undefined {
  if (error instanceof RetryLater) return error.delay;
  if (!(error instanceof Error) || !namesOf(error).includes('RetryLater')) return undefined;
  return toMilliseconds((error as { delay?: unknown }).delay);
}

function namesOf(error: Error): string[] {
  const names = [error.name];
  for (
    let type = error.constructor as typeof Error | null;
    type?.name;
    type = Object.getPrototypeOf(type) as typeof Error | null
  ) {
    names.push(type.name);
  }
  return names;
}

/** By these names, or this message, BullMQ takes a job for one that its processor has moved on already. */
const BULLMQ_WORDS = new Set([
  'DelayedError',
  'WaitingError',
  'WaitingChildrenError',
  'bullmq:rateLimitExceeded',
]);

/** Whatever was thrown, as an Error with its message and stack, and of no name that BullMQ gives a meaning to. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) {
    const meant = BULLMQ_WORDS.has(thrown.name) || BULLMQ_WORDS.has(thrown.message);
    return meant ? new Error(`${thrown.name} ${thrown.message}`, { cause: thrown }) : thrown;
  }
  return new Error(
    typeof thrown === 'string' ? thrown : `a handler threw ${String(thrown)}, which is not an Error`,
  );
}

/** The same error in the class by which BullMQ fails a job at once. */
export function toUnrecoverable(error: Error): UnrecoverableError {
  if (error instanceof UnrecoverableError) return error;
  const unrecoverable = new UnrecoverableError(error.message);
  if (error.stack) unrecoverable.stack = error.stack;
  return unrecoverable;
}
