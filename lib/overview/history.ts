/** What all receivers together did, minute by minute, kept in Redis for as long as it is shown. */
import type { Registry } from 'prom-client';
import { withDeadline } from '../deadline.js';
import type { Log } from '../log.js';
import type { RedisConnection } from '../queue/connection.js';
import { Tally, type Growth } from './tally.js';

/** Milliseconds. */
export const MINUTE = 60_000;
export const MINUTES = 60;
const KEPT = 2 * MINUTES * MINUTE;
const DEADLINE = 2_000;

export interface HistoryPlace {
  redis: RedisConnection;
  /** First part of every key. */
  prefix: string;
}

/** One minute of all receivers. */
export interface Minute {
  /** Its beginning, milliseconds since 1970. */
  at: number;
  grown: Growth;
}

const minuteKey = (prefix: string, at: number) => `${prefix}:overview:${at}`;
const latestKey = (prefix: string) => `${prefix}:overview:latest`;

/** Adds what one process counted to the minute that it is in. */
export class HistoryWriter {
  readonly #place: HistoryPlace;
  readonly #tally: Tally;
  readonly #log: Log;
  #pending: Growth = new Map();
  #writing: Promise<void> | undefined;

  constructor(place: HistoryPlace, registry: Registry, log: Log) {
    this.#place = place;
    this.#tally = new Tally(registry);
    this.#log = log;
  }

  /** Never rejects: what Redis does not take is added the next time. */
  write(): Promise<void> {
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { redis, prefix } = this.#place;
    for (const [name, value] of await this.#tally.take())
      this.#pending.set(name, (this.#pending.get(name) ?? 0) + value);
    if (this.#pending.size === 0 || redis.status !== 'ready') return;
    const sent = this.#pending;
    this.#pending = new Map();
    const now = Date.now();
    const key = minuteKey(prefix, now - (now % MINUTE));
    const batch = redis.multi();
    for (const [name, value] of sent) batch.hincrby(key, name, value);
    batch.pexpire(key, KEPT);
    batch.hset(latestKey(prefix), latest(sent, new Date(now).toISOString()));
    try {
      await withDeadline(batch.exec(), DEADLINE);
    } catch (error) {
      // It may have been done all the same: a figure that is too high for a minute is better than a gap.
      for (const [name, value] of this.#pending) sent.set(name, (sent.get(name) ?? 0) + value);
      this.#pending = sent;
      this.#log.debug({ reason: (error as Error).message }, 'the overview could not be written');
    }
  }
}

/** When a source last had a delivery that was not refused, and when its keys were last fetched, and how that ended. */
function latest(grown: Growth, at: string): Record<string, string> {
  const fields: Record<string, string> = { writtenAt: at };
  for (const name of grown.keys()) {
    const [kind = '', source = '', what = ''] = name.split(':');
    if (kind === 'outcome' && what !== 'refused') fields[`delivery:${source}`] = at;
    if (kind === 'fetch') fields[`fetch:${source}:${what}`] = at;
  }
  return fields;
}

/** The last hour, oldest minute first, the one that is under way last; and what happened last, by name. */
export async function readHistory({ redis, prefix }: HistoryPlace, now = Date.now()) {
  const last = now - (now % MINUTE);
  const starts = Array.from({ length: MINUTES }, (_, index) => last - (MINUTES - 1 - index) * MINUTE);
  const [latest, ...hashes] = await Promise.all([
    redis.hgetall(latestKey(prefix)),
    ...starts.map((at) => redis.hgetall(minuteKey(prefix, at))),
  ]);
  const minutes: Minute[] = hashes.map((hash, index) => ({
    at: starts[index] ?? 0,
    grown: new Map(Object.entries(hash).map(([name, value]) => [name, Number(value)])),
  }));
  return { minutes, latest };
}
