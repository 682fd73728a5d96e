/** Where a verified delivery goes: into its queue, or into the spool while Redis cannot take it. */
import type { Breaker } from './breaker.js';
import { UnavailableError } from './errors.js';
import type { Accepted, DeliveryQueue } from './queue/delivery-queue.js';
import { newJobId } from './queue/names.js';
import { isRefusedForNow } from './queue/refusal.js';
import { toDelivery, type Received } from './received.js';
import type { Verdict } from './spool/drain.js';
import type { Spooled } from './spool/record.js';
import type { Spool } from './spool/spool.js';

export interface IntakeOptions {
  queues: ReadonlyMap<string, DeliveryQueue>;
  breaker: Breaker;
  /** `undefined`: what Redis cannot take is refused. */
  spool: Spool | undefined;
}

/** What a delivery that is answered 200 came to. */
export interface Taken extends Omit<Accepted, 'status'> {
  status: Accepted['status'] | 'spooled';
}

export class Intake {
  readonly #options: IntakeOptions;
  #queued = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /**
   * Keeps a delivery, so that it can be answered 200. It is spooled under the job id with which it was tried: where
   * Redis did it all the same, and only its answer was late or lost, queueing it again changes nothing.
   * @throws {UnavailableError} when neither Redis nor the disk takes it
   */
  async accept(received: Received): Promise<Taken> {
    const { breaker, spool } = this.#options;
    const jobId = newJobId(received.envelope.id);
    // While the spool has something, its drain finds out whether Redis is back: nobody need wait for that.
    if (!spool || !breaker.isOpen || (spool.isEmpty && breaker.probe())) {
      try {
        const accepted = await this.#queueOf(received.envelope.source).accept(received, jobId);
        this.#noteQueued();
        return accepted;
      } catch (error) {
        this.#noteFailure(error);
        if (!spool || !(error instanceof UnavailableError)) throw error;
      }
    }
    await spool.append({ jobId, delivery: toDelivery(received) });
    return { status: 'spooled', jobId };
  }

  /** The same for what comes from the spool. Never throws. */
  async drain({ delivery, jobId }: Spooled): Promise<Verdict> {
    if (!this.#options.queues.has(delivery.source))
      return { is: 'refused', reason: 'there is no such source' };
    try {
      await this.#queueOf(delivery.source).accept(delivery, jobId);
      this.#noteQueued();
      return { is: 'queued' };
    } catch (error) {
      this.#noteFailure(error);
      const { cause } = error as Error;
      const own = cause instanceof Error && cause.name === 'ReplyError' && !isRefusedForNow(cause);
      return own ? { is: 'refused', reason: cause.message.slice(0, 200) } : { is: 'unavailable' };
    }
  }

  /** Deliveries that Redis took so far. */
  get queued(): number {
    return this.#queued;
  }

  #queueOf(source: string): DeliveryQueue {
    return this.#options.queues.get(source) as DeliveryQueue;
  }

  #noteQueued(): void {
    this.#queued += 1;
    this.#options.breaker.close();
  }

  #noteFailure(error: unknown): void {
    // Too many at once is no sign that Redis takes none.
    if (error instanceof UnavailableError && error.code === 'HKL_ERR_STORE_UNAVAILABLE')
      this.#options.breaker.open();
  }
}
