/**
 * One script that accepts many events: it remembers each webhook id and queues the job. It leaves in Redis what
 * BullMQ's own add (`addStandardJob-9.lua`) leaves, with fewer commands: docs/decisions/0012-accept-in-one-command.md.
 */
import { requireScript } from './bullmq-scripts.js';
import { LuaScript, type Argument } from './lua-script.js';
import type { QueueEvents } from './queue-events.js';

/** One event, as it is queued. */
export interface NewJob {
  jobId: string;
  name: string;
  /** Milliseconds since 1970. */
  timestamp: number;
  /** What stands for the webhook id in its key. */
  dedupeKey: string;
  /** JSON; bytes in UTF-8. */
  data: string | Buffer;
}

/** The queue that takes them, the same for all of its events. */
export interface AcceptTarget {
  /** Beginning of the queue's keys, with its colon. */
  base: string;
  /** Milliseconds for which a webhook id is remembered. */
  dedupeWindow: number;
  /** BullMQ's job options without `deduplication`, which the script adds. */
  opts: object;
  /** Does the queue's event stream tell of what is accepted, as BullMQ's own add has it? */
  events: QueueEvents;
}

/**
 * Beside the queue's keys: the epoch of the newest map of shards that has been seen here. Whoever goes by an older one
 * is told, and must look again (docs/decisions/0013-queue-shards.md).
 */
const FENCE = `
local fence = tonumber(redis.call('GET', base .. 'fence') or 0)`;

/**
 * As BullMQ's add has them, also those that the script does not touch: some are never there, so that it runs on neither node
 * of a Cluster while the queue's slot is moved (TRYAGAIN), rather than on a part of the queue.
 */
const SUFFIXES = ['wait', 'paused', 'meta', 'id', 'completed', 'delayed', 'active', 'events', 'marker'];

// What the script below does in its stead, as of BullMQ 6.7.0.
requireScript('addStandardJob', {
  keys: SUFFIXES.length,
  sha256: '2eee45c9ffc54d24681b737f926016a7f7464f0d32a5f87f623bffa2fc55413c',
});

/**
 * Answers for each event, in their order, the id of the job that stands for its webhook id: its own, or that of the
 * first delivery. In its place `{message}` where Redis refused this one alone, which is undone then. In place of all of them a number, the
 * epoch that is known here, where that of the events is older: then nothing was done.
 *
 * An accepted event gets the next number of its queue in the field `seq` of its job: 1, 2, 3, … without gaps in the
 * order of acceptance, whichever receiver they came through. A duplicate gets none.
 *
 * A job that is there already was queued by an earlier try of the same delivery, whose answer was lost. Unlike BullMQ's own
 * add it takes no number of `id`, which only names jobs without a name, and looks for no remembered id without an end.
 */
export const ACCEPT = new LuaScript(`
local base, window, opts = ARGV[1], ARGV[2], ARGV[3]
${FENCE}
if fence > tonumber(ARGV[4]) then return fence end
local call = redis.call
local wait, meta, active, events, marker = KEYS[1], KEYS[3], KEYS[7], KEYS[8], KEYS[9]
local tells, maxEvents = ARGV[5] == 'all', nil
if tells then
  maxEvents = call('HGET', meta, 'opts.maxLenEvents')
  if not maxEvents then
    maxEvents = 10000
    call('HSET', meta, 'opts.maxLenEvents', maxEvents)
  end
end
local last = tonumber(call('GET', base .. 'seq') or 0)
local accepted, claims, claimed = {}, {}, nil

local function tell(event, ...)
  if tells then call('XADD', events, 'MAXLEN', '~', maxEvents, '*', 'event', event, 'jobId', ...) end
end

-- Where this user may not run DEL: SET is what has let them in. What ended long ago is gone at once, also for the next event
-- of this batch: the clock stands still in a script.
local function undo(claim)
  if type(redis.pcall('DEL', claim[1], claim[2])) == 'number' then return end
  for _, key in ipairs(claim) do redis.pcall('SET', key, '', 'PXAT', 1) end
end

local function accept(timestamp, jobId, name, dedupeKey, data)
  local job, remembered = base .. jobId, base .. 'de:' .. dedupeKey
  if call('EXISTS', job) == 1 then
    tell('duplicated', jobId)
    return jobId
  end
  if not call('SET', remembered, jobId, 'PX', window, 'NX') then
    local first = call('GET', remembered)
    tell('deduplicated', first, 'deduplicationId', dedupeKey, 'deduplicatedJobId', jobId)
    return first
  end
  claimed = {remembered, job}
  call('HSET', job, 'name', name, 'data', data, 'opts', opts .. cjson.encode(dedupeKey) .. '}}',
    'timestamp', timestamp, 'delay', 0, 'priority', 0, 'deid', dedupeKey, 'seq', last + #accepted + 1)
  if tells then call('XADD', events, '*', 'event', 'added', 'jobId', jobId, 'name', name) end
  tell('waiting', jobId)
  accepted[#accepted + 1] = jobId
  claims[jobId] = claimed
  return jobId
end

local answers = {}
local packed, at = ARGV[6], 1
for index = 7, #ARGV do
  local timestamp, jobId, name, dedupeKey
  timestamp, jobId, name, dedupeKey, at = struct.unpack('>dI4c0I4c0I4c0', packed, at)
  claimed = nil
  local done, answer = pcall(accept, timestamp, jobId, name, dedupeKey, ARGV[index])
  if not done then
    answer = {type(answer) == 'table' and answer.err or tostring(answer)}
    if claimed then undo(claimed) end
  end
  answers[#answers + 1] = answer
end

if #accepted > 0 then
  local queued = redis.pcall('LPUSH', wait, unpack(accepted))
  if type(queued) == 'table' then
    for _, claim in pairs(claims) do undo(claim) end
    for index, answer in ipairs(answers) do
      -- Also that of a second delivery: what it was to be a duplicate of is not there.
      if claims[answer] then answers[index] = {queued.err} end
    end
    return answers
  end
  -- SET is what has let them in: a command that this user may not run would leave their numbers to be given again.
  call('SET', base .. 'seq', last + #accepted)
  local paused, concurrency = unpack(call('HMGET', meta, 'paused', 'concurrency'))
  local maxed = concurrency and call('LLEN', active) >= tonumber(concurrency)
  if not paused and not maxed then call('ZADD', marker, 0, '0') end
end
return answers
`);

export function acceptKeys({ base }: AcceptTarget): string[] {
  return SUFFIXES.map((suffix) => base + suffix);
}

/** @param epoch that of the map by which these events have come here */
export function acceptArguments(
  { dedupeWindow, base, opts, events }: AcceptTarget,
  epoch: number,
  jobs: NewJob[],
): Argument[] {
  // The script writes the webhook id behind it, and closes it.
  const open = JSON.stringify({ ...opts, de: { ttl: dedupeWindow, id: '' } }).slice(0, -'""}}'.length);
  const named = [base, String(dedupeWindow), open, String(epoch), events, pack(jobs)];
  return [...named, ...jobs.map(({ data }) => data)];
}

/**
 * What names the events as one binary argument: text in many is joined and turned into bytes piece by piece, which costs
 * the receiver several times as much. The script reads it with `struct`: for each event the time as a double, then texts,
 * each behind its length in four bytes. What is large is an argument of its own: Lua reads every byte of a text that
 * it makes, to find it again, and of one that is taken out of another it would read them twice.
 */
function pack(jobs: NewJob[]): Buffer {
  let size = 0;
  for (const { jobId, name, dedupeKey } of jobs) {
    size += 8 + 3 * 4;
    for (const field of [jobId, name, dedupeKey]) size += Buffer.byteLength(field);
  }
  const packed = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { jobId, name, timestamp, dedupeKey } of jobs) {
    at = packed.writeDoubleBE(timestamp, at);
    for (const field of [jobId, name, dedupeKey]) {
      const length = packed.write(field, at + 4);
      at = packed.writeUInt32BE(length, at) + length;
    }
  }
  return packed;
}

/**
 * Answers for each webhook id the job that stands for it here, or null. From then on nobody who goes by an older map
 * can accept anything here: what is not found will not come. It writes in any case, so that WAIT can be asked about it.
 */
export const REMEMBERED = new LuaScript(`
local base, epoch = ARGV[1], tonumber(ARGV[2])
${FENCE}
redis.call('SET', base .. 'fence', math.max(fence, epoch))
local found = {}
for i = 3, #ARGV do found[i - 2] = redis.call('GET', base .. 'de:' .. ARGV[i]) end
return found`);

/** Two keys that there never are, so that the script runs on neither node while its slot is moved. */
export function rememberedKeys({ base }: AcceptTarget): string[] {
  return [`${base}a`, `${base}b`];
}

export function rememberedArguments({ base }: AcceptTarget, epoch: number, dedupeKeys: string[]): string[] {
  return [base, String(epoch), ...dedupeKeys];
}
