import { toMilliseconds, type Duration } from './duration.js';

/** Thrown by a handler that knows no retry can help: the event fails at once. */
export class PermanentError extends Error {
  override name = 'PermanentError';
}

/**
 * Thrown by a handler that knows when a retry can help, such as a provider's `Retry-After`: the next attempt
 * comes after `delay` instead of the handler's backoff. The attempt counts, so that nothing is put off for ever.
 */
export class RetryLater extends Error {
  override name = 'RetryLater';
  /** Milliseconds. */
  readonly delay: number;

  /**
   * @param delay milliseconds or a text such as `30s`, up to 365 days
   * @throws {TypeError} when it is neither
   */
  constructor(delay: Duration, message = `to be tried again in ${delay}`, options?: ErrorOptions) {
    super(message, options);
    const milliseconds = toMilliseconds(delay);
    if (milliseconds === undefined) {
      throw new TypeError(`RetryLater: expected milliseconds or a text such as 30s; given: ${String(delay)}`);
    }
    this.delay = milliseconds;
  }
}

/** The handlers cannot be used as they are, so the process does not start: the message names the file. */
export class HandlersError extends Error {
  override name = 'HandlersError';
}
