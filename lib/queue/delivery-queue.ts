import { Queue, type IRedisTransaction, type Job, type JobJson, type JobType } from 'bullmq';
import type { ChainableCommander, Redis } from 'ioredis';
import { UnavailableError } from '../errors.js';
import type { Delivery } from '../event.js';
import type { Log } from '../log.js';
import { Batcher } from '../batcher.js';
import { ACCEPT } from './bullmq-scripts.js';
import { withDeadline } from '../deadline.js';
import { isDurable, waitCommand, type Durability } from './durability.js';
import { dedupeKey, jobName, newJobId } from './names.js';

export interface Accepted {
  status: 'accepted' | 'duplicate';
  /** The job of the first delivery with this id. */
  jobId: string;
}

export interface DeliveryQueueOptions {
  redis: Redis;
  prefix: string;
  /** Milliseconds that Redis has to answer a write. */
  writeTimeout: number;
  /** Milliseconds for which a webhook id is remembered. */
  dedupeWindow: number;
  /** Default `redis`. */
  durability?: Durability;
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

const ACCEPT_COMMAND = 'hooklineAccept';

/** One source's queue, as the receiver uses it. */
export class DeliveryQueue {
  readonly #source: string;
  readonly #options: DeliveryQueueOptions;
  readonly #batcher: Batcher<Named, Accepted>;

  #queue: Queue<Delivery>;

  constructor(source: string, options: DeliveryQueueOptions) {
    this.#source = source;
    this.#options = options;
    options.redis.defineCommand(ACCEPT_COMMAND, { lua: ACCEPT.content, numberOfKeys: ACCEPT.keys });
    this.#queue = this.#open();
    this.#batcher = new Batcher((deliveries) => this.#write(deliveries), {
      // One batch goes at each turn of the event loop, so in overload its size is what bounds the rate.
      maxBatch: 1_000,
      maxWaiting: 5_000,
    });
  }

  get queue(): Queue<Delivery> {
    return this.#queue;
  }

  /**
   * Remembers the webhook id and queues the event, both in one Lua script of BullMQ's (`addStandardJob-9.lua`:
   * `SET <queue>:de:<id> <jobId> PX <window> NX` inside the add). No crash in between can lose the event, and
   * no resent command can queue it twice, since the job id is made once per delivery. The same script numbers
   * the events of a source in the order of their acceptance (`ACCEPT` in `bullmq-scripts.ts`).
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
    await this.#batcher.idle();
    await this.#queue.close();
  }

  async #write(deliveries: Named[]): Promise<Array<Accepted | Error>> {
    const jobs = deliveries.map((named) => this.#toJob(named));
    try {
      const replies = await withDeadline(this.#addAll(jobs), this.#options.writeTimeout);
      return jobs.map((job, index) => toAccepted(job.id, replies[index]));
    } catch (error) {
      throw new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', error);
    }
  }

  async #addAll(jobs: JobJson[]): Promise<Array<[Error | null, unknown]>> {
    const backend = this.#queue.getBackend();
    const client = await backend.client.catch((error: unknown) => {
      // BullMQ sets a connection up once and remembers a failure for good: set it up anew for the next write.
      this.#queue = this.#open();
      throw error;
    });
    const pipeline = client.pipeline();
    // BullMQ encodes the arguments; the script they go to is ours.
    const accept = {
      runCommand: (_name: string, args: unknown[]) => pipeline.runCommand(ACCEPT_COMMAND, args),
    } as unknown as IRedisTransaction;
    await Promise.all(jobs.map((job) => backend.addJobToTransaction(accept, job, job.id)));
    return this.#execute(pipeline as unknown as ChainableCommander);
  }

  /** @throws when Redis does not say that the writes are as durable as they should be; they may be so all the same */
  async #execute(pipeline: ChainableCommander): Promise<Array<[Error | null, unknown]>> {
    const { durability = 'redis', writeTimeout } = this.#options;
    const wait = waitCommand(durability, Math.floor(writeTimeout * WAIT_SHARE));
    if (wait) pipeline.call(...wait);
    const replies = (await pipeline.exec()) as Array<[Error | null, unknown]>;
    if (!wait) return replies;
    const [error, reply] = replies.pop() ?? [new Error('no reply'), undefined];
    if (error) throw error;
    if (!isDurable(durability, reply))
      throw new Error(`not in time as durable as DURABILITY=${durability} asks`);
    return replies;
  }

  #open(): Queue<Delivery> {
    const { redis, prefix, log } = this.#options;
    const queue = new Queue<Delivery>(this.#source, { connection: redis, prefix });
    // The connection reports its own trouble once; BullMQ's copies of it are for whoever debugs.
    queue.on('error', ({ message }) => log.debug({ source: this.#source, err: { message } }, 'queue error'));
    return queue;
  }

  #toJob({ delivery, jobId }: Named): JobJson {
    const deduplicationId = dedupeKey(delivery.id);
    return {
      id: jobId,
      name: jobName(delivery.topic),
      data: JSON.stringify(delivery),
      opts: {
        attempts: ATTEMPTS_BOUND,
        backoff: { type: BACKOFF_BY_HANDLER },
        deduplication: { id: deduplicationId, ttl: this.#options.dedupeWindow },
      },
      deduplicationId,
      timestamp: Date.parse(delivery.receivedAt),
      progress: 0,
      attemptsMade: 0,
      attemptsStarted: 0,
      stalledCounter: 0,
      failedReason: '',
      returnvalue: '',
    };
  }
}

/** BullMQ answers with the id of the job that stands for this webhook id: ours, or the first delivery's. */
function toAccepted(jobId: string, reply: [Error | null, unknown] | undefined): Accepted | Error {
  const [error, answer] = reply ?? [new Error('no reply'), undefined];
  if (error) return new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', error);
  if (typeof answer !== 'string') {
    return new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', `unexpected reply ${String(answer)}`);
  }
  return { status: answer === jobId ? 'accepted' : 'duplicate', jobId: answer };
}
