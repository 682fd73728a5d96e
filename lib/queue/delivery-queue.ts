import { Queue, type Job, type JobType } from 'bullmq';
import type { RedisConnection } from './connection.js';
import { UnavailableError } from '../errors.js';
import type { Delivery } from '../event.js';
import type { Log } from '../log.js';
import { ACCEPT, acceptArguments, acceptKeys, type AcceptTarget, type NewJob } from './accept-script.js';
import { Batcher } from '../batcher.js';
import { isDurable, waitCommand, type Durability } from './durability.js';
import { withDeadline } from '../deadline.js';
import { dedupeKey, jobName, newJobId } from './names.js';

export interface Accepted {
  status: 'accepted' | 'duplicate';
  /** The job of the first delivery with this id. */
  jobId: string;
}

export interface DeliveryQueueOptions {
  redis: RedisConnection;
  prefix: string;
  /** Milliseconds that Redis has to answer a write. */
  writeTimeout: number;
  /** Milliseconds for which a webhook id is remembered. */
  dedupeWindow: number;
  /** Default `redis`. */
  durability?: Durability;
  /** Told of every write and the seconds that Redis took to answer it, or had. */
  onWrite?: (source: string, outcome: 'ok' | 'failed', seconds: number) => void;
  log: Log;
}

/** A delivery and the job that it becomes, unless its webhook id has one. */
interface Named {
  jobId: string;
  delivery: Delivery;
}

/** The states that a queue's depth is told in. */
export const DEPTH_STATES = [
  'waiting',
  'active',
  'delayed',
  'failed',
  'completed',
] as const satisfies JobType[];
export type Depths = Record<(typeof DEPTH_STATES)[number], number>;

/**
 * Attempts are decided in the worker by the handler's own policy, which the receiver need not know. BullMQ
 * wants an upper bound with the job, and the name of the backoff that asks the worker (`workers/policy.ts`).
 */
export const ATTEMPTS_BOUND = 1_000;
export const BACKOFF_BY_HANDLER = 'handler';

/** Redis should give up waiting before we do: its reply tells more than none. */
const WAIT_SHARE = 0.8;

/** One source's queue, as the receiver uses it. */
export class DeliveryQueue {
  readonly #source: string;
  readonly #options: DeliveryQueueOptions;
  readonly #batcher: Batcher<Named, Accepted>;
  readonly #target: AcceptTarget;
  readonly #keys: string[];

  #queue: Queue<Delivery>;

  constructor(source: string, options: DeliveryQueueOptions) {
    this.#source = source;
    this.#options = options;
    this.#target = {
      base: `${options.prefix}:${source}:`,
      dedupeWindow: options.dedupeWindow,
      opts: { attempts: ATTEMPTS_BOUND, backoff: { type: BACKOFF_BY_HANDLER } },
    };
    this.#keys = acceptKeys(this.#target);
    this.#queue = this.#open();
    this.#batcher = new Batcher((deliveries) => this.#write(deliveries), {
      maxBatch: 200,
      // While Redis works on one, the next is made and sent.
      maxInFlight: 2,
      maxWaiting: 5_000,
      // While it runs a script, Redis does nothing else.
      weight: { max: 1024 ** 2, of: ({ delivery }) => delivery.rawBody.length },
    });
    options.redis.on('ready', this.#renew);
  }

  get queue(): Queue<Delivery> {
    return this.#queue;
  }

  /**
   * Remembers the webhook id and queues the event in one Lua script, BullMQ's own add (`addStandardJob-9.lua`:
   * `SET <queue>:de:<id> <jobId> PX <window> NX` inside the add). No crash in between can lose the event, and no
   * resent command can queue it twice, since the job id is made once per delivery. The same script numbers the
   * events of a source in the order of their acceptance (`accept-script.ts`).
   *
   * @param jobId made once per delivery (`newJobId`), however often it is tried
   * @throws {UnavailableError} when Redis did not say in time that it has the event. It may have it all the
   *   same; then the sender's next try is answered as a duplicate.
   */
  accept(delivery: Delivery, jobId = newJobId(delivery.id)): Promise<Accepted> {
    const { status } = this.#options.redis;
    if (status !== 'ready') {
      return Promise.reject(new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', `Redis is ${status}`));
    }
    return this.#batcher.push({ delivery, jobId });
  }

  /** The job of a webhook id that is remembered. `job` is missing when it was completed and trimmed. */
  async find(id: string): Promise<{ jobId: string; job: Job<Delivery> | undefined } | undefined> {
    const jobId = await this.#queue.getDeduplicationJobId(dedupeKey(id));
    return jobId ? { jobId, job: await this.#queue.getJob(jobId) } : undefined;
  }

  async depths(): Promise<Depths> {
    return (await this.#queue.getJobCounts(...DEPTH_STATES)) as Depths;
  }

  /** Waits for what is being written, then lets go of the queue. The connection is its owner's to close. */
  async close(): Promise<void> {
    this.#options.redis.off('ready', this.#renew);
    await this.#batcher.idle();
    await this.#queue.close();
  }

  async #write(deliveries: Named[]): Promise<Array<Accepted | Error>> {
    const jobs = deliveries.map(toJob);
    const started = performance.now();
    let outcome: 'ok' | 'failed' = 'failed';
    try {
      const answers = await withDeadline(this.#addAll(jobs), this.#options.writeTimeout);
      outcome = 'ok';
      return jobs.map(({ jobId }, index) => toAccepted(jobId, answers[index]));
    } catch (error) {
      throw new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', error);
    } finally {
      this.#options.onWrite?.(this.#source, outcome, (performance.now() - started) / 1_000);
    }
  }

  /** @throws when Redis does not say that the writes are as durable as they should be; they may be so all the same */
  async #addAll(jobs: NewJob[]): Promise<unknown[]> {
    const { redis, durability = 'redis', writeTimeout } = this.#options;
    const args = acceptArguments(this.#target, jobs);
    const wait = waitCommand(durability, Math.floor(writeTimeout * WAIT_SHARE));
    if (!wait) return (await ACCEPT.run(redis, this.#keys, args)) as unknown[];
    const [answers, reply] = await this.#addAndWait(args, wait);
    if (!isDurable(durability, reply)) {
      throw new Error(`not in time as durable as DURABILITY=${durability} asks`);
    }
    return answers as unknown[];
  }

  /** What is waited for must be what this very connection has written: Redis answers for no other. */
  async #addAndWait(args: string[], wait: [string, ...string[]]): Promise<unknown[]> {
    const { redis } = this.#options;
    try {
      return await ACCEPT.runWith(redis, this.#keys, args, wait);
    } catch (error) {
      if (!(error instanceof Error && /^(?:NOSCRIPT|MOVED|ASK)\b/.test(error.message))) throw error;
      // Alone it finds its node, and brings its text. To do it twice changes nothing.
      await ACCEPT.run(redis, this.#keys, args);
      return ACCEPT.runWith(redis, this.#keys, args, wait);
    }
  }

  /** BullMQ sets a connection up once and remembers a failure for good: it needs a new start when Redis is there. */
  readonly #renew = (): void => {
    this.#queue.getBackend().client.catch(() => {
      this.#queue = this.#open();
    });
  };

  #open(): Queue<Delivery> {
    const { redis, prefix, log } = this.#options;
    const queue = new Queue<Delivery>(this.#source, { connection: redis, prefix });
    // The connection reports its own trouble once; BullMQ's copies of it are for whoever debugs.
    queue.on('error', ({ message }) => log.debug({ source: this.#source, err: { message } }, 'queue error'));
    return queue;
  }
}

function toJob({ delivery, jobId }: Named): NewJob {
  return {
    jobId,
    name: jobName(delivery.topic),
    timestamp: Date.parse(delivery.receivedAt),
    dedupeKey: dedupeKey(delivery.id),
    data: JSON.stringify(delivery),
  };
}

/** The script answers with the id of the job that stands for this webhook id: ours, or the first delivery's. */
function toAccepted(jobId: string, answer: unknown): Accepted | Error {
  if (typeof answer === 'string')
    return { status: answer === jobId ? 'accepted' : 'duplicate', jobId: answer };
  if (!Array.isArray(answer)) {
    return new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', `unexpected reply ${String(answer)}`);
  }
  // As ioredis has it where a command of its own is refused. Redis 6 begins its codes with a hyphen.
  const refusal = Object.assign(new Error(String(answer[0]).replace(/^-/, '')), { name: 'ReplyError' });
  return new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', refusal);
}
