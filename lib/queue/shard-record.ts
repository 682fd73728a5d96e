/** What Redis knows of the number of a source's shards: docs/decisions/0013-queue-shards.md. */
import type { RedisConnection } from './connection.js';
import { LuaScript } from './lua-script.js';
import { MOST_SHARDS, shardName } from './shards.js';

/** Where a webhook id is accepted, and where else it may be remembered. */
export interface ShardMap {
  /** Counts the changes of the number. */
  epoch: number;
  /** Shards that take what is new. */
  number: number;
  /** Shards that may hold anything: the greatest number there has been. */
  most: number;
  /**
   * Numbers whose homes may still remember an id, and the moment (of `performance.now()`) from which on they cannot;
   * `Infinity` while a receiver may still accept by this number.
   */
  earlier: Array<{ number: number; until: number }>;
  /** Another number was asked for, which workers forbid: it stays as it is. */
  refused: boolean;
}

/** Milliseconds for which a worker's word counts that it needs one queue for all. */
const WORD = 60_000;

/** Milliseconds on top of the window: the clocks of two nodes, and what was under way. */
const MARGIN = 120_000;

/**
 * The record is a hash in the slot of shard 0, there from the first change on: `epoch`, `number`, `most`, and `earlier`,
 * JSON of each earlier number and when all receivers had left it by Redis' clock (ms), or 0. Workers whose handlers
 * lean on one queue for all say so now and then in a key beside it; while they do, the number stays 1.
 *
 * KEYS: 1 the record, 2 what says that one queue is needed
 * ARGV: 1 number that is wanted, or 0   2 how long an earlier one counts (ms), or -1: for ever   3 the greatest epoch that is known
 * 4 shards that are known to be there   5 the epoch by which all shards are fenced, or -1   6 the number as known, or 0
 */
const RECORD = new LuaScript(`
local kept = redis.call('HMGET', KEYS[1], 'epoch', 'number', 'most', 'earlier')
local epoch, number, most = tonumber(kept[1] or 0), tonumber(kept[2] or 1), tonumber(kept[3] or 1)
local earlier = cjson.decode(kept[4] or '{}')
local keep = tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local changed = false

for old, left in pairs(earlier) do
  if left > 0 and keep >= 0 and left + keep <= now then
    earlier[old], changed = nil, true
  elseif left == 0 and tonumber(ARGV[5]) == epoch then
    earlier[old], changed = now, true
  end
end

local function change(to)
  if to == 0 or to == number then return end
  earlier[tostring(number)], earlier[tostring(to)] = 0, nil
  epoch, number, changed = epoch + 1, to, true
end
-- The record was lost, and others remember.
if tonumber(ARGV[3]) > epoch then
  epoch, changed = tonumber(ARGV[3]) + 1, true
  change(tonumber(ARGV[6]))
end
local refused = tonumber(ARGV[1]) > 1 and number == 1 and redis.call('EXISTS', KEYS[2]) == 1
if not refused then change(tonumber(ARGV[1])) end
local known = math.max(number, tonumber(ARGV[4]))
if known > most then most, changed = known, true end
if changed then
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'number', number, 'most', most, 'earlier', cjson.encode(earlier))
end

local answer = {epoch, number, most, refused and 1 or 0}
for old, left in pairs(earlier) do
  answer[#answer + 1] = tonumber(old)
  answer[#answer + 1] = (left == 0 or keep < 0) and -1 or left + keep - now
end
return answer`);

export interface ShardRecordOptions {
  source: string;
  redis: RedisConnection;
  prefix: string;
  /**
   * The number that this process was started with, and the milliseconds for which it has webhook ids remembered.
   * `undefined`: it goes by what others say.
   */
  wanted: { number: number; dedupeWindow: number } | undefined;
}

export interface ReadOptions {
  /** An epoch that was met in a shard. */
  met?: number;
  /** The epoch by which all shards are fenced. */
  fenced?: number;
  /** Shards that are known to be there. */
  atLeast?: number;
}

/** A process' view of the record. */
export class ShardRecord {
  readonly #options: ShardRecordOptions;
  readonly #keys: [record: string, oneQueue: string];
  #known: ShardMap | undefined;
  #wanted: number;

  constructor(options: ShardRecordOptions) {
    this.#options = options;
    const { base } = shardName(options.prefix, options.source, 0);
    this.#keys = [`${base}shards`, `${base}one-queue`];
    this.#wanted = options.wanted?.number ?? 0;
  }

  /** As it was read last. */
  get known(): ShardMap | undefined {
    return this.#known;
  }

  /** Keeps the number at 1 for a minute. @throws when Redis does not answer */
  async askForOneQueue(): Promise<void> {
    await this.#options.redis.set(this.#keys[1], '1', 'PX', WORD);
  }

  /** Reads it; the first time also writes the number that is wanted. @throws when Redis does not answer */
  async read({ met = 0, fenced = -1, atLeast = 1 }: ReadOptions = {}): Promise<ShardMap> {
    const { epoch = 0, number = 0, most = 1 } = this.#known ?? {};
    const { redis, wanted } = this.#options;
    const keep = wanted ? wanted.dedupeWindow + MARGIN : -1;
    const args = [this.#wanted, keep, Math.max(met, epoch), Math.max(atLeast, most), fenced, number];
    const answer = (await RECORD.run(redis, this.#keys, args)) as number[];
    const map = toMap(answer, performance.now());
    // Said once: whoever comes later with another number has it.
    this.#wanted = 0;
    // Of two answers the older one may be read last.
    if (!this.#known || map.epoch >= this.#known.epoch) this.#known = map;
    return this.#known;
  }
}

function toMap(answer: number[], now: number): ShardMap {
  const [epoch = 0, number = 1, most = 1, refused = 0, ...rest] = answer;
  const earlier: ShardMap['earlier'] = [];
  for (let at = 0; at < rest.length; at += 2) {
    const left = rest[at + 1] ?? -1;
    earlier.push({ number: rest[at] ?? 1, until: left === -1 ? Infinity : now + left });
  }
  return { epoch, number, most: Math.min(most, MOST_SHARDS), earlier, refused: refused === 1 };
}

const NONE: readonly number[] = [];

/** The earlier numbers that still count. */
export function earlierOf({ earlier }: ShardMap): readonly number[] {
  if (earlier.length === 0) return NONE;
  const now = performance.now();
  return earlier.filter(({ until }) => until > now).map(({ number }) => number);
}

/** May somebody still accept by an earlier number? */
export function isInUse({ earlier }: ShardMap): boolean {
  return earlier.some(({ until }) => until === Infinity);
}
