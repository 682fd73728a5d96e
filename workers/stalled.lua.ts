/**
 * Which events have lost their worker. BullMQ's own script (`moveStalledJobsToWait-9.lua`) asks whether a lock has run out, and
 * locks run out too while Redis is away: what a healthy worker had in hand then was handled twice. Ours asks whether
 * anybody could have renewed it: docs/decisions/0020-lost-workers.md.
 */
import { withReplaced, scriptOf } from '../lib/queue/bullmq-scripts.js';
import { LuaScript } from '../lib/queue/lua-script.js';
import type { RedisConnection } from '../lib/queue/connection.js';

const SUFFIXES = [
  'stalled',
  'wait',
  'active',
  'stalled-check',
  'meta',
  'paused',
  'marker',
  'events',
  'repeat',
];

/** Milliseconds without any renewal in which an event has lost its worker. */
export const WINDOW = 10_000;
/** Milliseconds between two looks of any worker from which on Redis, or all workers, were away: then a new window begins for all. */
export const OUT_OF_TOUCH = 4_000;

const BY_LOCK = `if rcall("EXISTS", stalledCheckKey) == 1 then
    return {}
end
rcall("SET", stalledCheckKey, timestamp, "PX", maxCheckTime)`;

/**
 * When somebody looked last, and when those in hand were marked; times by the clock of Redis, which may step. While that is
 * kept, workers whose BullMQ looks by its own script do not; when the last of ours is gone, they do again.
 */
const BY_RENEWAL = `local time = rcall('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seen, marked = string.match(rcall('GET', stalledCheckKey) or '', '^(%d+) (%d+)$')
seen, marked = tonumber(seen), tonumber(marked)
local outOfTouch = not seen or now < seen
local due = outOfTouch or now - marked >= ${WINDOW}
rcall('SET', stalledCheckKey, string.format('%.0f %.0f', now, due and now or marked), 'PX', ${OUT_OF_TOUCH})
if not due then return {} end
if outOfTouch then rcall('DEL', stalledKey) end`;

const IF_NO_LOCK = 'if (rcall("EXISTS", jobKey .. ":lock") == 0) then';
const COUNT = 'local stalledCount = rcall("HINCRBY", jobKey, "stc", 1)';
const TAKE_LOCK = 'rcall("DEL", jobKey .. ":lock")';

/** A worker that is alive after all finds its lock gone, and can end nothing with it. */
const LOST = new LuaScript(
  withReplaced(
    scriptOf('moveStalledJobsToWait', SUFFIXES.length),
    [BY_LOCK, BY_RENEWAL],
    [IF_NO_LOCK, 'do'],
    [COUNT, `${TAKE_LOCK}\n${COUNT}`],
  ).content,
);

/**
 * Gives events back to their queue whose worker has renewed nothing for a whole window. To be called more often than
 * `OUT_OF_TOUCH`, by every worker of the queue. Answers their job ids.
 * @param base beginning of the queue's keys, with its colon
 */
export async function giveBackLost(
  redis: RedisConnection,
  base: string,
  maxStalledCount: number,
): Promise<string[]> {
  const keys = SUFFIXES.map((suffix) => base + suffix);
  // The last two are time and interval of BullMQ's own way.
  return (await LOST.run(redis, keys, [maxStalledCount, base, Date.now(), 0])) as string[];
}
