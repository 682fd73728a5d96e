import { DelayedError, WaitingError, type Job } from 'bullmq';
import type { Delivery } from '../lib/event.js';
import type { HandlerContext } from '../lib/handler-context.js';
import { lazily } from '../lib/lazily.js';
import type { Log } from '../lib/log.js';
import { traceHeadersOf, traceIdOf, type TraceHeaders } from '../lib/tracing/trace-context.js';
import type { AttemptTrace, Tracing } from '../lib/tracing/tracing.js';
import type { Admission, Decision } from './admission/admission.js';
import type { Gates } from './admission/gates.js';
import { AttemptContext } from './attempt-context.js';
import { logAttempt, type AttemptFields, type AttemptOutcome, type AttemptReport } from './attempt-report.js';
import { NO_RETRY, nextDelay } from './backoff.js';
import type { HistoryLine } from './history.js';
import { QuarantineError, retryDelay, ShutdownError } from './outcomes.js';
import { runHandler } from './run-handler.js';
import type { Stop } from './stop.js';
import type { AttemptTime } from './time-limit.js';
import type { Understanding, Understood } from './understand.js';

export interface AttemptsOptions {
  understanding: Understanding;
  admission: Admission;
  /** Some handler of the source has `serialBy`. */
  ordered: boolean;
  gatesOf: (understood: Understood) => Gates | undefined;
  /** `ctx.step` of one attempt. */
  stepsOf: (job: Job<Delivery>, log: Log, time: AttemptTime) => HandlerContext['step'];
  append: (
    job: Job<Delivery>,
    line: Omit<HistoryLine, 'at' | 'event' | 'error'> & { error?: Error | undefined },
  ) => Promise<void>;
  log: Log;
  onAttempt: (report: AttemptReport) => void;
  tracing: Tracing | undefined;
  /** With a `ShutdownError`, when what is in hand must be given back. */
  stop: Stop;
}

/** What is known of an attempt while it runs and until BullMQ has moved its job on. */
interface Attempt {
  job: Job<Delivery>;
  /** 1 for the first. */
  number: number;
  fields: AttemptFields;
  /** Most handlers log nothing. */
  log: () => Log;
  /** `undefined`: it is not traced. */
  trace: AttemptTrace | undefined;
  /** What joins the event's trace, whether this attempt is traced or not. */
  traceHeaders: TraceHeaders;
  started: bigint;
  understood?: Understood;
  gates?: Gates | undefined;
}

/**
 * Where a job has its attempt. No WeakMap: the collector of young garbage takes what one names for alive, and an attempt names
 * its job.
 */
const ATTEMPT = Symbol('attempt');

interface Attempted {
  [ATTEMPT]?: Attempt;
}

/** The attempts at one source's events: understood, admitted, run, reported; and what follows when one fails. */
export class Attempts {
  readonly #options: AttemptsOptions;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** BullMQ's processor: one job, once. Its result is kept with the job. */
  async run(job: Job<Delivery>, token = ''): Promise<unknown> {
    const attempt = this.#begin(job);
    try {
      const understood = this.#understand(attempt);
      const decision = await this.#admit(attempt, token);
      if (decision.outcome === 'parked') return await this.#parked(attempt, decision.why);
      if (decision.outcome === 'stale') return await this.#stale(attempt, decision);
      await this.#handle(attempt, understood);
      await this.#end(attempt, 'completed');
      return undefined;
    } catch (error) {
      if (error instanceof DelayedError) throw error;
      if (error instanceof ShutdownError) return await this.#giveBack(attempt, token);
      await this.#end(attempt, outcomeOf(error as Error, attempt), error as Error);
      throw error;
    }
  }

  /** BullMQ's backoff strategy: milliseconds before the next attempt, or `NO_RETRY`. */
  backoff(attemptsMade: number, error: Error | undefined, job: object | undefined): number {
    const attempted: Attempted | undefined = job;
    const handler = attempted?.[ATTEMPT]?.understood?.registered.handler;
    if (!handler) return NO_RETRY;
    const delay = nextDelay(attemptsMade, handler.attempts, handler.backoff);
    return delay === NO_RETRY ? NO_RETRY : (retryDelay(error) ?? delay);
  }

  /** BullMQ has completed or failed the job, or set it aside to be tried again. */
  moved(job: Job<Delivery>): void {
    const gates = (job as Attempted)[ATTEMPT]?.gates;
    if (gates) this.#options.admission.leave(job, gates);
  }

  #begin(job: Job<Delivery>): Attempt {
    const { id, source, topic } = job.data;
    const number = job.attemptsMade + 1;
    const trace = this.#options.tracing?.attempt(job.data, number);
    const traceHeaders = trace?.headers ?? traceHeadersOf(job.data);
    const traceId = trace?.traceId ?? traceIdOf(traceHeaders.traceparent);
    const fields = { source, id, topic, jobId: job.id, attempt: number, traceId };
    const log = lazily(() => this.#options.log.child(fields));
    const attempt: Attempt = {
      job,
      number,
      fields,
      log,
      trace,
      traceHeaders,
      started: process.hrtime.bigint(),
    };
    (job as Attempted)[ATTEMPT] = attempt;
    return attempt;
  }

  #understand(attempt: Attempt): Understood {
    const { understanding, admission, ordered, gatesOf } = this.#options;
    const { job, number } = attempt;
    try {
      // BullMQ keeps the stack of an earlier failure also where a retry resets the attempts.
      const released = job.data.replay !== undefined || number > 1 || (job.stacktrace ?? []).length > 0;
      attempt.understood = understanding.understand(job.data, released);
      attempt.gates = gatesOf(attempt.understood);
      return attempt.understood;
    } finally {
      if (ordered && !attempt.gates) admission.see(job);
    }
  }

  async #admit({ job, gates }: Attempt, token: string): Promise<Decision> {
    return gates ? this.#options.admission.enter(job, token, gates) : { outcome: 'go' };
  }

  async #handle(attempt: Attempt, understood: Understood): Promise<void> {
    const { stepsOf, stop, admission } = this.#options;
    const { job, number, log, gates, trace, traceHeaders } = attempt;
    const makeContext = (time: AttemptTime) =>
      new AttemptContext({
        attempt: number,
        maxAttempts: understood.registered.handler.attempts,
        jobId: job.id ?? '',
        traceHeaders,
        log,
        time,
        steps: () => stepsOf(job, log(), time),
      });
    const run = () => runHandler(understood, makeContext, stop);
    await (trace ? trace.run(run) : run());
    if (gates) await admission.record(gates);
  }

  /** Ends in a word to BullMQ: the job is in the delayed set already, so take the next. */
  async #parked({ fields }: Attempt, why: string): Promise<never> {
    this.#options.log.debug({ ...fields, why }, 'not yet; it waits for others');
    throw new DelayedError();
  }

  async #stale(attempt: Attempt, { outcome, newest }: Extract<Decision, { outcome: 'stale' }>) {
    await this.#end(attempt, 'stale');
    return { outcome, newest };
  }

  async #giveBack(attempt: Attempt, token: string): Promise<never> {
    await this.#end(attempt, 'returned');
    await attempt.job.moveToWait(token);
    this.moved(attempt.job);
    throw new WaitingError();
  }

  /** Reports an attempt, and remembers it with the job unless it was the first and went well. */
  async #end(attempt: Attempt, outcome: AttemptOutcome, error?: Error): Promise<void> {
    const { job, number, fields, log, started, understood } = attempt;
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    const ms = Math.round(seconds * 1_000);
    const registered = understood?.registered;
    this.#options.onAttempt({
      source: job.data.source,
      handlerTopic: registered?.handler.topic,
      outcome,
      seconds,
      sinceArrival: outcome === 'completed' ? sinceArrival(job.data) : undefined,
    });
    attempt.trace?.end(outcome, error);
    logAttempt(this.#options.log, fields, { outcome, ms }, error);
    if (outcome === 'completed' && number === 1) return;
    try {
      const handler = registered ? { handler: registered.file } : {};
      await this.#options.append(job, { attempt: number, outcome, ms, ...handler, error });
    } catch (failure) {
      log().warn({ err: { message: String(failure) } }, 'the attempt could not be noted with its job');
    }
  }
}

/** By the clocks of two machines, whose difference is in it. Of a replay it would tell when the operator came. */
function sinceArrival({ receivedAt, replay }: Delivery): number | undefined {
  return replay ? undefined : Math.max(0, Date.now() - Date.parse(receivedAt)) / 1_000;
}

function outcomeOf(error: Error, { number, understood }: Attempt): AttemptOutcome {
  if (error instanceof QuarantineError) return 'quarantined';
  const last = number >= (understood?.registered.handler.attempts ?? 0);
  return last || error.name === 'UnrecoverableError' ? 'failed' : 'retried';
}
