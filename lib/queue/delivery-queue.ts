import type { Job, JobType, Queue } from 'bullmq';
import { withDeadline } from '../deadline.js';
import { UnavailableError } from '../errors.js';
import type { Delivery } from '../event.js';
import { envelopeOf, type Queueable } from '../received.js';
import { newJobId } from './names.js';
import { Fenced, Shard, type Accepted, type Named, type ShardOptions } from './shard.js';
import { earlierOf, isInUse, ShardRecord, type ReadOptions, type ShardMap } from './shard-record.js';
import { homeOf } from './shards.js';

export type { Accepted } from './shard.js';

export interface DeliveryQueueOptions extends ShardOptions {
  /**
   * Over how many queues what is new is spread from now on, by all receivers: the last one to start is right.
   * `undefined`: as it is.
   */
  shards?: number;
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

/** Milliseconds for which the number of shards is believed, where it is not needed to accept. */
const BELIEVED = 5_000;
/** Milliseconds between tries to have everybody leave an earlier number. */
const SETTLE_AGAIN = 5_000;
/** Changes of the number during one accept. */
const MAX_TRIES = 10;

/** One source's queue, as the receiver uses it: one of BullMQ's, or several (docs/decisions/0013-queue-shards.md). */
export class DeliveryQueue {
  readonly #source: string;
  readonly #options: DeliveryQueueOptions;
  readonly #record: ShardRecord;
  readonly #shards: Shard[] = [];
  #readAt = -Infinity;
  #reading: Promise<ShardMap> | undefined;
  #settling: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(source: string, options: DeliveryQueueOptions) {
    this.#source = source;
    this.#options = options;
    const { shards: number, dedupeWindow } = options;
    const wanted = number === undefined ? undefined : { number, dedupeWindow };
    this.#record = new ShardRecord({ ...options, source, wanted });
    this.#shard(0);
    options.redis.on('ready', this.#renew);
  }

  /** The queue that there is in any case. */
  get queue(): Queue<Delivery> {
    return this.#shard(0).queue;
  }

  /**
   * Remembers the webhook id and queues the event in one Lua script, as BullMQ's own add does (`addStandardJob-9.lua`:
   * `SET <queue>:de:<id> <jobId> PX <window> NX` inside the add). No crash in between can lose the event, and no
   * resent command can queue it twice, since the job id is made once per delivery. The same script numbers the
   * events of a queue in the order of their acceptance (`accept-script.ts`).
   *
   * @param jobId made once per delivery (`newJobId`), however often it is tried
   * @throws {UnavailableError} when Redis did not say in time that it has the event. It may have it all the
   *   same; then the sender's next try is answered as a duplicate.
   */
  accept(delivery: Queueable, jobId = newJobId(envelopeOf(delivery).id)): Promise<Accepted> {
    const { status } = this.#options.redis;
    if (status !== 'ready')
      return Promise.reject(new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', `Redis is ${status}`));
    const map = this.#record.known;
    // The way of almost all.
    if (map && earlierOf(map).length === 0) {
      const { epoch, number } = map;
      const home = homeOf(envelopeOf(delivery).id, number);
      return this.#shard(home).accept({ delivery, jobId, epoch, elsewhere: this.#elsewhere });
    }
    return this.#elsewhere({ delivery, jobId });
  }

  /** Where the map of shards is not known, or another one by now. */
  readonly #elsewhere = async ({ delivery, jobId }: Pick<Named, 'delivery' | 'jobId'>): Promise<Accepted> => {
    try {
      return await withDeadline(this.#acceptWhileChanging(delivery, jobId), this.#options.writeTimeout);
    } catch (error) {
      if (error instanceof UnavailableError) throw error;
      throw new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', error);
    }
  };

  /** The job of a webhook id that is remembered. `job` is missing when it was completed and trimmed. */
  async find(id: string): Promise<{ jobId: string; job: Job<Delivery> | undefined } | undefined> {
    const shards = await this.shards();
    return (await Promise.all(shards.map((shard) => shard.find(id)))).find((found) => found !== undefined);
  }

  /** A job by its own id. */
  async findJob(jobId: string): Promise<Job<Delivery> | undefined> {
    const shards = await this.shards();
    const jobs = await Promise.all(shards.map(({ queue }) => queue.getJob(jobId)));
    return jobs.find((job) => job !== undefined);
  }

  /** Of all shards together. */
  async depths(): Promise<Depths> {
    const shards = await this.shards();
    const each = await Promise.all(shards.map(({ queue }) => queue.getJobCounts(...DEPTH_STATES)));
    const sum = (state: string) => each.reduce((total, counts) => total + (counts[state] ?? 0), 0);
    return Object.fromEntries(DEPTH_STATES.map((state) => [state, sum(state)])) as Depths;
  }

  /** All that may hold anything, as of a few seconds ago. @throws when Redis does not answer */
  async shards(): Promise<readonly Shard[]> {
    if (performance.now() > this.#readAt + BELIEVED) await this.#read();
    return this.#shards;
  }

  /** What a key of one of its shards is called: `keyOf(0, 'failed')`, or a job's by its id. */
  keyOf(shard: number, name: string): string {
    return this.#shard(shard).queue.toKey(name);
  }

  /** Waits for what is being written, then lets go of the queue. The connection is its owner's to close. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#settling);
    this.#options.redis.off('ready', this.#renew);
    await this.#reading?.catch(() => {});
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  async #acceptWhileChanging(delivery: Queueable, jobId: string): Promise<Accepted> {
    let map = this.#record.known ?? (await this.#read());
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const answer = await this.#acceptBy(map, delivery, jobId);
      if (!(answer instanceof Fenced)) return answer;
      map = await this.#read({ met: answer.epoch });
    }
    throw new UnavailableError('HKL_ERR_STORE_UNAVAILABLE', 'the number of shards changes all the time');
  }

  #acceptBy(map: ShardMap, delivery: Queueable, jobId: string): Promise<Accepted | Fenced> {
    const { epoch, number } = map;
    const { id } = envelopeOf(delivery);
    const named: Named = { delivery, jobId, epoch };
    const earlier = earlierOf(map);
    if (earlier.length === 0) return this.#shard(homeOf(id, number)).accept(named);
    const [home, ...others] = new Set([number, ...earlier].map((one) => homeOf(id, one)));
    return this.#acceptUnlessKnown(named, home, others);
  }

  /** First it is asked for where it may be remembered; who goes by an older number is fenced off there by that. */
  async #acceptUnlessKnown(named: Named, home = 0, others: number[] = []): Promise<Accepted | Fenced> {
    const { delivery, jobId, epoch } = named;
    const { id } = envelopeOf(delivery);
    const found = await Promise.all(others.map((other) => this.#shard(other).remembered(id, epoch)));
    const known = found.find((other) => other !== null);
    if (known === undefined) return this.#shard(home).accept(named);
    return { status: known === jobId ? 'accepted' : 'duplicate', jobId: known };
  }

  #read(options: ReadOptions = {}): Promise<ShardMap> {
    this.#reading ??= this.#readNow(options).finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readNow(options: ReadOptions): Promise<ShardMap> {
    const map = await this.#record.read(options);
    if (map.refused) this.#tellRefused();
    this.#readAt = performance.now();
    this.#shard(map.most - 1);
    // A node may have been away when a shard of it was opened.
    this.#renew();
    if (isInUse(map)) this.#settleIn(0);
    return map;
  }

  #tellRefused(): void {
    const { log, shards } = this.#options;
    log.error(
      { source: this.#source, shards },
      'QUEUE_SHARDS stays 1 for this source: handlers of running workers have serialBy, latestBy, concurrency or ' +
        'rateLimit, which need one queue; take these options from them, or set QUEUE_SHARDS to 1',
    );
  }

  /** A receiver that finds an earlier number still in use has all others leave it, whether they get anything or not. */
  #settleIn(wait: number): void {
    if (this.#options.shards === undefined || this.#settling || this.#closed) return;
    this.#settling = setTimeout(() => {
      this.#settle().then(
        (map) => this.#settled(map, 0),
        () => this.#settled(undefined, SETTLE_AGAIN),
      );
    }, wait).unref();
  }

  async #settle(): Promise<ShardMap> {
    const { epoch } = await this.#record.read();
    await Promise.all(this.#shards.map((shard) => shard.fence(epoch)));
    return this.#record.read({ fenced: epoch });
  }

  #settled(map: ShardMap | undefined, wait: number): void {
    this.#settling = undefined;
    if (!map || isInUse(map)) this.#settleIn(wait);
  }

  /** Opens it, and those before it, where they are not. */
  #shard(index: number): Shard {
    while (this.#shards.length <= index)
      this.#shards.push(new Shard(this.#source, this.#shards.length, this.#options));
    return this.#shards[index] as Shard;
  }

  readonly #renew = (): void => {
    for (const shard of this.#shards) shard.renew();
  };
}
