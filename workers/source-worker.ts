import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import type { RedisConnection } from '../lib/queue/connection.js';
import { untilTaken, type Patience } from '../lib/queue/refusal.js';
import type { Delivery } from '../lib/event.js';
import type { Log } from '../lib/log.js';
import { shardName } from '../lib/queue/shards.js';
import type { SourceLimits } from '../lib/settings/source-limits.js';
import type { Tracing } from '../lib/tracing/tracing.js';
import { Admission } from './admission/admission.js';
import { gatesOf, type Gates } from './admission/gates.js';
import type { AttemptReport } from './attempt-report.js';
import { Attempts } from './attempts.js';
import { appendHistory } from './history.js';
import { ShutdownError } from './outcomes.js';
import { QueueWorker } from './queue-worker.js';
import { StepRunner } from './steps/step-runner.js';
import { Stop } from './stop.js';
import type { AttemptTime } from './time-limit.js';
import type { Understanding, Understood } from './understand.js';

export interface SourceWorkerOptions {
  source: string;
  /** Which of the source's queues: 0 where there is one. */
  shard: number;
  redis: RedisConnection;
  prefix: string;
  concurrency: number;
  keepCompleted: { age: number; count: number };
  /** Seconds; failed jobs stay until somebody deals with them where it is not set. */
  keepFailed: { age: number } | undefined;
  understanding: Understanding;
  /** Some handler of the source has `serialBy`. */
  ordered: boolean;
  limits: SourceLimits;
  log: Log;
  onAttempt: (report: AttemptReport) => void;
  /** Told of each job that was found without its worker; by one worker process only. */
  onStalled: (source: string) => void;
  tracing: Tracing | undefined;
}

/**
 * How many deaths of its worker one event survives. Deploys and crashed machines must not fail an event; one
 * that itself kills every worker must end some time.
 */
const MAX_STALLED = 25;

/** Milliseconds between tries to begin. */
const TRY_AGAIN = 1_000;

/** Milliseconds past the deadline for giving back what is in hand. */
const CLOSE_GRACE = 1_000;

/** Takes one queue of a source: hands each job to `Attempts`, and owns what that needs. */
export class SourceWorker {
  readonly #options: SourceWorkerOptions;
  readonly #base: string;
  readonly #admission: Admission;
  readonly #worker: QueueWorker;
  readonly #stop = new AbortController();
  readonly #patience: Patience;

  constructor(options: SourceWorkerOptions) {
    this.#options = options;
    // One listener for each command that waits for Redis to take it.
    setMaxListeners(0, this.#stop.signal);
    const { source, redis, concurrency, keepCompleted, keepFailed, log } = options;
    const shard = shardName(options.prefix, source, options.shard);
    this.#base = shard.base;
    this.#patience = { stop: this.#stop.signal, log: log.child({ source }) };
    this.#admission = new Admission({
      redis,
      base: this.#base,
      gatesOf: (delivery) => this.#gatesOfDelivery(delivery),
      ...this.#patience,
    });
    const attempts = this.#openAttempts();
    this.#worker = new QueueWorker(shard, (job, token) => attempts.run(job, token), {
      connection: redis,
      concurrency,
      maxStalledCount: MAX_STALLED,
      removeOnComplete: keepCompleted,
      ...(keepFailed && { removeOnFail: keepFailed }),
      settings: { backoffStrategy: (made, _type, error, job) => attempts.backoff(made, error, job) },
      patience: this.#patience,
    });
    this.#worker.on('completed', (job) => attempts.moved(job));
    this.#worker.on('failed', (job) => job && attempts.moved(job));
    this.#worker.on('error', ({ message }) => log.debug({ source, err: { message } }, 'worker error'));
    this.#worker.on('stalled', (jobId) => {
      options.onStalled(source);
      log.warn({ source, jobId }, 'a worker died or hung with this event in hand; it is handled again');
    });
    this.#run().catch((error: unknown) => {
      if (!this.#worker.closing) log.error({ source, err: error }, 'the worker cannot run');
    });
  }

  async ready(): Promise<void> {
    await this.#worker.waitUntilReady();
  }

  /**
   * Takes no more jobs, and lets those in hand end until the deadline; what has not ended then is given back to
   * the queue, to be started again by another worker.
   */
  async close(deadline: AbortSignal): Promise<void> {
    const giveBack = () => this.#stop.abort(new ShutdownError());
    if (deadline.aborted) giveBack();
    deadline.addEventListener('abort', giveBack, { once: true });
    try {
      const closed = this.#worker.close().then(() => this.#admission.idle());
      // After a connection was lost BullMQ's close may never end: past the deadline it is left behind.
      await Promise.race([closed, after(deadline, CLOSE_GRACE)]);
      await this.#worker.leave();
    } finally {
      deadline.removeEventListener('abort', giveBack);
    }
  }

  /** Waits for Redis as long as it takes; ends when the worker is closed. */
  async #run(): Promise<void> {
    while (!(await this.#trySetLimits())) await sleep(TRY_AGAIN, undefined, { ref: false });
    if (!this.#worker.closing) await this.#worker.run();
  }

  /** A Redis that refuses writes when the worker starts must not keep it from working later. */
  async #trySetLimits(): Promise<boolean> {
    const { source, log } = this.#options;
    try {
      await this.#setLimits();
      return true;
    } catch (error) {
      if (this.#worker.closing) return true;
      log.warn({ source, reason: String(error) }, 'the limits of the queue cannot be set; trying again');
      return false;
    }
  }

  /** BullMQ keeps a queue's limits in Redis, for all workers of the queue: those of the last to start count. */
  async #setLimits(): Promise<void> {
    const { concurrency, rate } = this.#options.limits;
    const backend = this.#worker.getBackend();
    if (concurrency) await backend.setQueueMeta({ concurrency });
    else await backend.removeQueueMetaFields(['concurrency']);
    if (rate) await backend.setQueueMeta({ max: rate.max, duration: rate.per });
    else await backend.removeQueueMetaFields(['max', 'duration']);
  }

  #openAttempts(): Attempts {
    const { understanding, ordered, log, onAttempt, tracing } = this.#options;
    return new Attempts({
      understanding,
      ordered,
      log,
      onAttempt,
      tracing,
      admission: this.#admission,
      gatesOf: (understood) => this.#gatesOf(understood),
      stepsOf: (job, log, time) => this.#stepsOf(job, log, time),
      append: untilTaken((job, line) => appendHistory(this.#worker, job.id ?? '', line), this.#patience),
      stop: new Stop(this.#stop.signal),
    });
  }

  #gatesOf({ registered, event }: Understood): Gates | undefined {
    return gatesOf(registered.handler, event, this.#base, this.#options.ordered);
  }

  /** What cannot be understood, or has no key, has no gates: its own attempt will say why. */
  #gatesOfDelivery(delivery: Delivery): Gates | undefined {
    try {
      return this.#gatesOf(this.#options.understanding.understand(delivery, true));
    } catch {
      return undefined;
    }
  }

  #stepsOf(job: Job<Delivery>, log: Log, time: AttemptTime) {
    const runner = new StepRunner({
      redis: this.#options.redis,
      jobKey: `${this.#base}${job.id}`,
      source: job.data.source,
      id: job.data.id,
      attempt: job.attemptsMade + 1,
      fresh: job.attemptsStarted <= 1 && job.data.replay === undefined,
      time,
      ...this.#patience,
      log,
    });
    return <T>(...args: Parameters<typeof runner.step<T>>) => runner.step<T>(...args);
  }
}

function after(signal: AbortSignal, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const wait = () => setTimeout(resolve, milliseconds);
    if (signal.aborted) wait();
    else signal.addEventListener('abort', wait, { once: true });
  });
}
