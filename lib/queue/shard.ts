import { Queue, type Job } from 'bullmq';
import { Batcher, type BatchWrite } from '../batcher.js';
import { withDeadline } from '../deadline.js';
import { UnavailableError } from '../errors.js';
import type { Delivery } from '../event.js';
import type { Log } from '../log.js';
import { envelopeOf, toJson, weightOf, type Queueable } from '../received.js';
import {
  ACCEPT,
  acceptArguments,
  acceptKeys,
  REMEMBERED,
  rememberedArguments,
  rememberedKeys,
  type AcceptTarget,
  type NewJob,
} from './accept-script.js';
import { fromIso } from '../time.js';
import type { RedisConnection } from './connection.js';
import { runDurably, type Durability } from './durability.js';
import type { Argument, LuaScript } from './lua-script.js';
import { dedupeKey, jobName } from './names.js';
import type { QueueEvents } from './queue-events.js';
import { shardLabel, shardName } from './shards.js';

export interface Accepted {
  status: 'accepted' | 'duplicate';
  /** The job of the first delivery with this id. */
  jobId: string;
}

/** In place of an answer: the epoch by which this was sent is an older one than what is known there. */
export class Fenced {
  readonly epoch: number;
  constructor(epoch: number) {
    this.epoch = epoch;
  }
}

/** A delivery and the job that it becomes, unless its webhook id has one. */
export interface Named {
  jobId: string;
  delivery: Queueable;
  /** That of the map by which it came here. */
  epoch: number;
  /** What accepts it where a newer map is known here. Left out: the answer is that it is `Fenced`. */
  elsewhere?: (named: Named) => Promise<Accepted>;
}

/** One that is accepted in any case, here or elsewhere. */
type Placed = Named & Required<Pick<Named, 'elsewhere'>>;

export interface ShardOptions {
  redis: RedisConnection;
  prefix: string;
  /** Milliseconds that Redis has to answer a write. */
  writeTimeout: number;
  /** Milliseconds for which a webhook id is remembered. */
  dedupeWindow: number;
  /** Default `redis`. */
  durability?: Durability;
  /** Default `handling`. */
  events?: QueueEvents;
  /** Told of every write and the seconds that Redis took to answer it, or had. */
  onWrite?: (source: string, outcome: 'ok' | 'failed', seconds: number) => void;
  log: Log;
}

/**
 * Attempts are decided in the worker by the handler's own policy, which the receiver need not know. BullMQ
 * wants an upper bound with the job, and the name of the backoff that asks the worker (`workers/backoff.ts`).
 */
const ATTEMPTS_BOUND = 1_000;
const BACKOFF_BY_HANDLER = 'handler';

/** One BullMQ queue, which takes a part of a source's events, or all of them. */
export class Shard {
  readonly source: string;
  /** 0 for the only one. */
  readonly index: number;
  readonly #options: ShardOptions;
  readonly #target: AcceptTarget;
  readonly #accepting: Batcher<Named, Accepted | Fenced>;
  readonly #asking: Batcher<{ key: string; epoch: number }, string | null>;

  #queue: Queue<Delivery>;

  constructor(source: string, index: number, options: ShardOptions) {
    this.source = source;
    this.index = index;
    this.#options = options;
    this.#target = {
      base: shardName(options.prefix, source, index).base,
      dedupeWindow: options.dedupeWindow,
      opts: { attempts: ATTEMPTS_BOUND, backoff: { type: BACKOFF_BY_HANDLER } },
      events: options.events ?? 'handling',
    };
    this.#queue = this.#open();
    const limits = {
      maxBatch: 200,
      // While Redis works on one, the next are made and sent (docs/decisions/0017-accept-path-cpu.md).
      enough: 16,
      maxInFlight: 3,
      maxWaiting: 5_000,
    };
    this.#accepting = new Batcher((deliveries) => this.#acceptAll(deliveries), {
      ...limits,
      // While it runs a script, Redis does nothing else.
      weight: { max: 1024 ** 2, of: ({ delivery }) => weightOf(delivery) },
    });
    this.#asking = new Batcher((ids) => this.#askAll(ids), limits);
  }

  get queue(): Queue<Delivery> {
    return this.#queue;
  }

  /** `petstore`, `petstore.1`, … */
  get label(): string {
    return shardLabel(this.source, this.index);
  }

  /** Remembers the webhook id and queues the event, in one script (`accept-script.ts`). @throws {UnavailableError} */
  accept(named: Placed): Promise<Accepted>;
  accept(named: Named): Promise<Accepted | Fenced>;
  accept(named: Named): Promise<Accepted | Fenced> {
    return this.#accepting.push(named);
  }

  /** The job that stands for a webhook id here; nobody can accept it here by an older map after this. @throws {UnavailableError} */
  remembered(id: string, epoch: number): Promise<string | null> {
    return this.#asking.push({ key: dedupeKey(id), epoch });
  }

  /** Lets nobody accept anything here by a map older than this. @throws {UnavailableError} */
  async fence(epoch: number): Promise<void> {
    await this.#write(REMEMBERED, rememberedKeys(this.#target), rememberedArguments(this.#target, epoch, []));
  }

  /** The job of a webhook id that is remembered. `job` is missing when it was completed and trimmed. */
  async find(id: string): Promise<{ jobId: string; job: Job<Delivery> | undefined } | undefined> {
    const jobId = await this.#queue.getDeduplicationJobId(dedupeKey(id));
    return jobId ? { jobId, job: await this.#queue.getJob(jobId) } : undefined;
  }

  /** Waits for what is being written, then lets go of the queue. */
  async close(): Promise<void> {
    await this.#asking.idle();
    await this.#accepting.idle();
    await this.#queue.close();
  }

  /** BullMQ sets a connection up once and remembers a failure for good: it needs a new start when Redis is there. */
  renew(): void {
    this.#queue.getBackend().client.catch(() => {
      this.#queue = this.#open();
    });
  }

  async #acceptAll(deliveries: Named[]): ReturnType<BatchWrite<Named, Accepted | Fenced>> {
    const epoch = deliveries.reduce((least, one) => Math.min(least, one.epoch), Infinity);
    const args = acceptArguments(this.#target, epoch, deliveries.map(toJob));
    const answers = await this.#write(ACCEPT, acceptKeys(this.#target), args);
    if (typeof answers === 'number')
      return deliveries.map((named) => named.elsewhere?.(named) ?? new Fenced(answers));
    return deliveries.map(({ jobId }, index) => toAccepted(jobId, (answers as unknown[])[index]));
  }

  async #askAll(ids: Array<{ key: string; epoch: number }>): Promise<Array<string | null>> {
    const epoch = ids.reduce((most, one) => Math.max(most, one.epoch), 0);
    const keys = ids.map(({ key }) => key);
    const args = rememberedArguments(this.#target, epoch, keys);
    return (await this.#write(REMEMBERED, rememberedKeys(this.#target), args)) as Array<string | null>;
  }

  async #write(script: LuaScript, keys: string[], args: Argument[]): Promise<unknown> {
    const { redis, durability = 'redis', writeTimeout } = this.#options;
    const started = performance.now();
    let outcome: 'ok' | 'failed' = 'failed';
    try {
      const running = runDurably(redis, script, { keys, args, durability, timeout: writeTimeout });
      const answer = await withDeadline(running, writeTimeout);
      outcome = 'ok';
      return answer;
    } catch (error) {
      throw new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', error);
    } finally {
      this.#options.onWrite?.(this.source, outcome, (performance.now() - started) / 1_000);
    }
  }

  #open(): Queue<Delivery> {
    const { redis, log } = this.#options;
    const { prefix, name } = shardName(this.#options.prefix, this.source, this.index);
    const queue = new Queue<Delivery>(name, { connection: redis, prefix });
    // The connection reports its own trouble once; BullMQ's copies of it are for whoever debugs.
    queue.on('error', ({ message }) => log.debug({ source: this.source, err: { message } }, 'queue error'));
    return queue;
  }
}

function toJob({ delivery, jobId }: Named): NewJob {
  const { id, topic, receivedAt } = envelopeOf(delivery);
  return {
    jobId,
    name: jobName(topic),
    timestamp: fromIso(receivedAt),
    dedupeKey: dedupeKey(id),
    data: toJson(delivery),
  };
}

/** The script answers with the id of the job that stands for this webhook id: ours, or the first delivery's. */
function toAccepted(jobId: string, answer: unknown): Accepted | Error {
  if (typeof answer === 'string' && answer !== '')
    return { status: answer === jobId ? 'accepted' : 'duplicate', jobId: answer };
  if (!Array.isArray(answer)) {
    return new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', `unexpected reply ${String(answer)}`);
  }
  // As ioredis has it where a command of its own is refused. Redis 6 begins its codes with a hyphen.
  const refusal = Object.assign(new Error(String(answer[0]).replace(/^-/, '')), { name: 'ReplyError' });
  return new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', refusal);
}
