import type { Log } from './log.js';
import type { TraceHeaders } from './tracing/trace-context.js';

/** What a step's function is given. */
export interface StepRun {
  /**
   * The same for this step of this event in every attempt, replay and worker, and for no other: for a provider's
   * `Idempotency-Key` header. 43 characters of base64url.
   */
  idempotencyKey: string;
  /** The handler's own: aborted at its time limit and at the end of `SHUTDOWN_TIMEOUT`. */
  signal: AbortSignal;
}

/** What a handler is given beside the event. */
export interface HandlerContext {
  /** Already bound to source, topic, webhook id and attempt. */
  log: Log;
  /** Aborted at the handler's time limit and at the end of `SHUTDOWN_TIMEOUT`. Hand it on to `fetch` and the like. */
  signal: AbortSignal;
  /** 1 for the first try. */
  attempt: number;
  maxAttempts: number;
  jobId: string;
  /**
   * `traceparent` and `tracestate`, by which the handler's own requests join the event's trace:
   * `fetch(url, { headers: ctx.traceHeaders })`. Empty where nobody traces the event.
   */
  traceHeaders: TraceHeaders;
  /**
   * Runs `run` once per event: its result is kept with the event, and every later attempt, replay or worker gets
   * what was kept without running it. A step that throws keeps nothing and runs again.
   *
   * A crash between the effect and the keeping runs the step again: hand `idempotencyKey` to whom you call.
   *
   * @param name 1 to 100 characters, once per run of the handler
   * @param run its result is JSON of at most 64 kB: text, finite numbers, booleans, null, arrays, plain objects,
   *   or nothing
   * @throws {StepError} which fails the event at once, when a name or a result is not so
   */
  step: <T>(name: string, run: (step: StepRun) => T | Promise<T>) => Promise<T>;
}
