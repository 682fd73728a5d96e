import type { Job } from 'bullmq';
import type { RedisConnection } from '../../lib/queue/connection.js';
import { untilTaken, type Patience } from '../../lib/queue/refusal.js';
import type { Delivery } from '../../lib/event.js';
import { KeyError, type Gates } from './gates.js';
import { scripts } from './scripts.js';
import { Settling } from './settling.js';

/** What became of an event that asked to be handled. */
export type Decision =
  | { outcome: 'go' }
  /** A newer version has been handled. */
  | { outcome: 'stale'; newest: string | number }
  /** It is in the delayed set, or has been given to another worker. */
  | { outcome: 'parked'; why: string };

export interface AdmissionOptions extends Patience {
  redis: RedisConnection;
  /** The beginning of all keys of the source's queue, colon included. */
  base: string;
  /** The gates of an event of which only the delivery is known. Never throws. */
  gatesOf: (delivery: Delivery) => Gates | undefined;
}

/** Decides over all workers whether an event may be handled now: order, versions, limits. One source's. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #settling: Settling;
  /** What has been sent off without waiting for it. */
  readonly #pending = new Set<Promise<unknown>>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    const { redis, base } = options;
    const lowest = untilTaken(() => redis.zrange(`${base}order`, 0, '0'), options);
    this.#settling = new Settling({
      floor: async () => Number((await lowest())[0] ?? 0),
      settle: (seq) => this.#settle(seq),
    });
  }

  /**
   * Asks for an event to be handled now. After `go`, `leave` must follow once BullMQ has moved the job on.
   * @throws {KeyError} when versions of one key are numbers here and texts there
   */
  async enter(job: Job<Delivery>, token: string, gates: Gates): Promise<Decision> {
    const encoded = JSON.stringify(gates);
    for (;;) {
      const [outcome, ...rest] = await this.#run('enter', [idOf(job), token, Date.now(), encoded]);
      if (outcome !== 'unsettled') return toDecision(outcome, rest, gates);
      await this.#settling.wait(Number(rest[0]));
    }
  }

  /** Notes an event that asks for nothing as seen, for the sake of those that are ordered. Does not wait. */
  see(job: Job<Delivery>): void {
    this.#send(this.#run('see', [idOf(job)]));
  }

  /** Remembers the version that has been handled. To be called before the event counts as completed. */
  async record({ latest }: Gates): Promise<void> {
    if (latest) await this.#run('record', [latest.key, latest.version, latest.remember]);
  }

  /** An attempt is over and BullMQ has moved its job on. Does not wait: who waits for this looks again by itself. */
  leave(job: Job<Delivery>, gates: Gates): void {
    this.#send(this.#run('leave', [idOf(job), JSON.stringify(gates)]));
  }

  /** Resolves when everything that was sent off is done. */
  async idle(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /**
   * Gives earlier events, which another worker has in hand and has not seen (it was killed, or is slow), their
   * places in the order: any worker can tell their keys.
   */
  async #settle(seq: number): Promise<void> {
    const { redis, base, gatesOf } = this.#options;
    const dataOf = untilTaken((id: string) => redis.hget(`${base}${id}`, 'data'), this.#options);
    const places: string[] = [];
    for (const id of await this.#run('unseen', [seq])) {
      const data = await dataOf(id);
      const gates = data ? gatesOf(JSON.parse(data) as Delivery) : undefined;
      places.push(id, gates?.serial?.members ?? '');
    }
    if (places.length > 0) await this.#run('register', places);
  }

  /**
   * The keys that are told find the node of a Cluster that has all the others. There are never such keys, and they are
   * two: while the slot is moved, a Cluster then runs the script on neither of the nodes that have a part of it each.
   */
  async #run(script: keyof typeof scripts, args: Array<string | number>): Promise<string[]> {
    const { redis, base } = this.#options;
    const keys = [`${base}a`, `${base}b`];
    const run = untilTaken(() => scripts[script].run(redis, keys, [base, ...args]), this.#options);
    return ((await run()) ?? []) as string[];
  }

  #send(running: Promise<unknown>): void {
    const ended = running.catch((error: unknown) => {
      this.#options.log.warn(
        { err: { message: String(error) } },
        'a limit could not be given back; it heals by itself',
      );
    });
    this.#pending.add(ended);
    void ended.then(() => this.#pending.delete(ended));
  }
}

function toDecision(outcome: string | undefined, rest: string[], gates: Gates): Decision {
  const [first = ''] = rest;
  switch (outcome) {
    case 'go':
      return { outcome };
    case 'stale':
      return { outcome, newest: first.startsWith('n') ? Number(first.slice(1)) : first.slice(1) };
    case 'mixed':
      throw new KeyError(
        `The versions of key ${gates.latest?.name ?? ''} are texts in one event and numbers in another (${first.slice(1)} ` +
          `and ${gates.latest?.version.slice(1) ?? ''}), which cannot be compared. Make latestBy give one kind.`,
      );
    case 'lost':
      return { outcome: 'parked', why: 'its lock was lost' };
    default:
      return { outcome: 'parked', why: first };
  }
}

function idOf(job: Job<Delivery>): string {
  return job.id ?? '';
}
