import type { ChainableCommander } from 'ioredis';
import type { RedisConnection } from '../queue/connection.js';
import { bullFunction } from './bull-scripts.js';
import type { Entry } from './entry.js';
import { DISCARDED } from './look-up.js';
import { countsKey, mayGoOn, sessionKey, tellCounts, type Session } from './sessions.js';
import { forEachPlace, keyOf, type DeliveryStore } from './store.js';

/** What became of one job: `stopped` when the session has been stopped or taken up elsewhere. */
export type Outcome = 'done' | 'skipped' | 'stopped';

/**
 * Replaying and discarding are one script each, around BullMQ's own script: either all of it happens or nothing,
 * wherever the caller dies, and a command that is sent twice does its work once. A job is touched only in the
 * state and with the time of ending with which it was found, and once per session at most: it remembers the
 * last session that replayed it. docs/decisions/0009-atomic-replay.md tells more.
 *
 * A queue that is no source's first may be on another node of a Cluster than the session: whether that may go on is
 * asked before, and its counts are kept beside the queue and told to the session afterwards.
 *
 * KEYS: 1 session, or its counts, 2 the state's set, 3 job, …
 * ARGV: 1 run, or '' for counts only, 2 session id, 3 job id, 4 time of ending, …
 */
const GUARD = `
if ARGV[1] ~= '' then
  local session = redis.call('HMGET', KEYS[1], 'status', 'run')
  if session[1] ~= 'running' or session[2] ~= ARGV[1] then return 'stopped' end
end
local known = redis.call('HMGET', KEYS[3], 'data', 'session')
local endedAt = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[3]) or -1)
if not known[1] or known[2] == ARGV[2] or endedAt ~= tonumber(ARGV[4]) then
  redis.call('HINCRBY', KEYS[1], 'skipped', 1)
  return 'skipped'
end`;

const DONE = `
redis.call('HINCRBY', KEYS[1], 'done', 1)
return 'done'`;

const REPROCESS_KEYS = [
  'job key',
  'events stream',
  'job state',
  'wait key',
  'meta',
  'active key',
  'marker key',
  'prioritized key',
  'priority counter key',
];

/**
 * The job's data is a JSON object whose bytes are kept: what says of a replay goes before all else, and takes
 * the place of what the last one wrote there. KEYS from 3: as BullMQ's script has them. ARGV from 5: time and
 * who, both as JSON, a line for the log, then BullMQ's.
 */
const REPLAY = `
${bullFunction('reprocess', 'reprocessJob', REPROCESS_KEYS, 6)}
${GUARD}
local data, count = known[1], 1
local before, last = string.match(data, '^({"replay":{"count":(%d+),"at":"[^"]*","by":"[^"]*"},)')
if before then
  data, count = '{' .. string.sub(data, #before + 1), tonumber(last) + 1
end
local replay = '{"replay":{"count":' .. count .. ',"at":' .. ARGV[5] .. ',"by":' .. ARGV[6] .. '},'
redis.call('HSET', KEYS[3], 'data', replay .. string.sub(data, 2), 'session', ARGV[2])
redis.call('HDEL', KEYS[3], 'stc')
redis.call('RPUSH', KEYS[3] .. ':logs', ARGV[7])
reprocess({KEYS[3], KEYS[4], KEYS[2], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]}, {ARGV[3], unpack(ARGV, 8)})
${DONE}`;

/** KEYS from 4, ARGV from 5: BullMQ's, then `1` to keep the id. */
const DISCARD = `
${bullFunction('remove', 'removeJob', ['jobKey', 'repeat key'], 3)}
${GUARD}
local deduplication = redis.call('HGET', KEYS[3], 'deid')
local key = deduplication and (ARGV[6] .. 'de:' .. deduplication)
local left = key and redis.call('GET', key) == ARGV[3] and redis.call('PTTL', key) or 0
if remove({KEYS[3], KEYS[4]}, {ARGV[3], ARGV[5], ARGV[6]}) ~= 1 then
  redis.call('HINCRBY', KEYS[1], 'skipped', 1)
  return 'skipped'
end
if ARGV[7] == '1' and left > 0 then redis.call('SET', key, '${DISCARDED}' .. ARGV[3], 'PX', left) end
${DONE}`;

interface Commands {
  hooklineReplay(numberOfKeys: number, ...rest: string[]): ChainableCommander;
  hooklineDiscard(numberOfKeys: number, ...rest: string[]): ChainableCommander;
}

/**
 * Replays or discards jobs, in their order. What is done is done when this fails, and may be tried again.
 * @throws when Redis does not answer
 */
export async function apply(store: DeliveryStore, session: Session, entries: Entry[]): Promise<Outcome[]> {
  define(store.redis);
  return forEachPlace(entries, async (some) => {
    const [place] = some;
    if (!place || place.shard === 0) return applyAt(store, session, some);
    if (!(await mayGoOn(store, session))) return some.map(() => 'stopped');
    const outcomes = await applyAt(store, session, some);
    await tellCounts(store, session, place);
    return outcomes;
  });
}

/** The same in one queue. */
async function applyAt(store: DeliveryStore, session: Session, entries: Entry[]): Promise<Outcome[]> {
  const { redis } = store;
  const pipeline = redis.pipeline() as ChainableCommander & Commands;
  for (const entry of entries) {
    const { keys, args } = (session.action === 'replay' ? replaying : discarding)(store, session, entry);
    if (session.action === 'replay') pipeline.hooklineReplay(keys.length, ...keys, ...args);
    else pipeline.hooklineDiscard(keys.length, ...keys, ...args);
  }
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, outcome]) => {
    if (error) throw error;
    return outcome as Outcome;
  });
}

function define(redis: RedisConnection): void {
  if ('hooklineReplay' in redis) return;
  redis.defineCommand('hooklineReplay', { lua: REPLAY });
  redis.defineCommand('hooklineDiscard', { lua: DISCARD });
}

function replaying(store: DeliveryStore, session: Session, entry: Entry) {
  const { keys, args, key } = common(store, session, entry);
  const at = new Date().toISOString();
  const { id, by, filter } = session;
  const line = JSON.stringify({ at, event: 'replay', by, session: id, filter: describeFilter(filter) });
  const failed = entry.state === 'failed';
  return {
    keys: [...keys, ...['events', 'wait', 'meta', 'active', 'marker', 'prioritized', 'pc'].map(key)],
    args: [
      ...args,
      JSON.stringify(at),
      JSON.stringify(by),
      line,
      // BullMQ's: behind what waits; what the last run left; from where; a full set of attempts.
      'LPUSH',
      failed ? 'failedReason' : 'returnvalue',
      entry.state,
      '1',
      '1',
    ],
  };
}

function discarding(store: DeliveryStore, session: Session, entry: Entry) {
  const { keys, args, key } = common(store, session, entry);
  return { keys: [...keys, key('repeat')], args: [...args, '0', key(''), session.keepId ? '1' : '0'] };
}

function common(store: DeliveryStore, session: Session, entry: Entry) {
  const { shard, state, jobId, endedAt } = entry;
  const key = (name: string) => keyOf(store, entry, name);
  const counts = shard === 0 ? sessionKey(store, session.id) : countsKey(store, session, entry);
  return {
    key,
    keys: [counts, key(state), key(jobId)],
    args: [shard === 0 ? String(session.run) : '', session.id, jobId, String(endedAt)],
  };
}

/** A filter in one line for people: `topic=orders/* since=2026-01-31T08:00:00.000Z`. */
export function describeFilter(filter: Session['filter']): string {
  const parts = Object.entries(filter).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return `${name}=${typeof value === 'number' ? new Date(value).toISOString() : value}`;
  });
  return parts.join(' ') || 'all that failed';
}
