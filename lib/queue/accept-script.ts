/**
 * One script that accepts many events: for each, BullMQ's own add (`addStandardJob-9.lua`), which remembers the
 * webhook id and queues the job. Sent as one command, an event costs less than in a pipeline of
 * BullMQ's commands: docs/decisions/0012-accept-in-one-command.md.
 */
import { changed, scriptOf } from './bullmq-scripts.js';
import { LuaScript, type Argument } from './lua-script.js';

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
}

/**
 * Beside the queue's keys: the epoch of the newest map of shards that has been seen here. Whoever goes by an older one
 * is told, and must look again (docs/decisions/0013-queue-shards.md).
 */
const FENCE = `
local fence = tonumber(redis.call('GET', base .. 'fence') or 0)`;

const SUFFIXES = ['wait', 'paused', 'meta', 'id', 'completed', 'delayed', 'active', 'events', 'marker'];

/**
 * Answers for each event, in their order, the id of the job that stands for its webhook id: its own, or that of the
 * first delivery. In its place `{message}` where Redis refused this one alone. In place of all of them a number, the
 * epoch that is known here, where that of the events is older: then nothing was done.
 *
 * An accepted event gets the next number of its queue in the field `seq` of its job: 1, 2, 3, … without gaps in the
 * order of acceptance, whichever receiver they came through. A duplicate gets none.
 */
export const ACCEPT = new LuaScript(`
${addAsFunction()}
local base, window, template = ARGV[1], tonumber(ARGV[2]), ARGV[3]
${FENCE}
if fence > tonumber(ARGV[4]) then return fence end
local opts = cjson.decode(template)
local answers = {}
local packed, at = ARGV[5], 1
while at <= #packed do
  local timestamp, jobId, name, dedupeKey, data
  timestamp, jobId, name, dedupeKey, data, at = struct.unpack('>dI4c0I4c0I4c0I4c0', packed, at)
  opts.de = {id = dedupeKey, ttl = window}
  local args = {base, jobId, name, timestamp, nil, nil, nil, nil, base .. 'de:' .. dedupeKey}
  local done, answer = pcall(add, args, data, opts)
  if not done then answer = {type(answer) == 'table' and answer.err or tostring(answer)} end
  answers[#answers + 1] = answer
end
return answers
`);

export function acceptKeys({ base }: AcceptTarget): string[] {
  return SUFFIXES.map((suffix) => base + suffix);
}

/** @param epoch that of the map by which these events have come here */
export function acceptArguments(
  { dedupeWindow, base, opts }: AcceptTarget,
  epoch: number,
  jobs: NewJob[],
): Argument[] {
  return [base, String(dedupeWindow), JSON.stringify(opts), String(epoch), pack(jobs)];
}

/**
 * All events as one binary argument: text in many is joined and turned into bytes piece by piece, which costs the
 * receiver several times as much. The script reads it with `struct`: for each event the time as a double, then texts,
 * each behind its length in four bytes.
 */
function pack(jobs: NewJob[]): Buffer {
  let size = 0;
  for (const { jobId, name, dedupeKey, data } of jobs) {
    size += 8 + 4 * 4;
    for (const field of [jobId, name, dedupeKey, data]) size += Buffer.byteLength(field);
  }
  const packed = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { jobId, name, timestamp, dedupeKey, data } of jobs) {
    at = packed.writeDoubleBE(timestamp, at);
    for (const field of [jobId, name, dedupeKey, data]) {
      const length = typeof field === 'string' ? packed.write(field, at + 4) : field.copy(packed, at + 4);
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

/** Lua: `add(args, data, opts)`, BullMQ's script with its arguments given instead of unpacked. */
function addAsFunction(): string {
  const { content } = scriptOf('addStandardJob', SUFFIXES.length);
  for (const [index, key] of ['wait', 'paused', 'meta', 'id', 'completed', 'delayed', 'active'].entries()) {
    if (!content.includes(`KEYS[${index + 1}] '${key}'`))
      throw changed('addStandardJob', `key ${index + 1} is not ${key}`);
  }
  const replaced = [
    ['local args = cmsgpack.unpack(ARGV[1])\n', ''],
    ['local data = ARGV[2]\n', ''],
    ['local opts = cmsgpack.unpack(ARGV[3])\n', ''],
  ].reduce((text, [from = '', to = '']) => replaceOnce(text, from, to), content);
  const end = /\nreturn jobId\s*$/;
  if (!end.test(replaced) || !/\n {4}jobIdKey = args\[1\] \.\. jobId/.test(replaced)) {
    throw changed('addStandardJob', 'it does not end with the id of the job');
  }
  const numbering = 'rcall("HSET", jobIdKey, "seq", rcall("INCR", args[1] .. "seq"))';
  const body = replaced.replace(end, `\n${numbering}\nreturn jobId\n`).replaceAll('ARGV[2]', 'data');
  if (/ARGV\[/.test(body.replace(/--\[\[[\s\S]*?\]\]/g, ''))) {
    throw changed('addStandardJob', 'it takes other arguments');
  }
  return `local function add(args, data, opts)\n${body}\nend`;
}

function replaceOnce(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw changed('addStandardJob', `it does not have ${from.trim()} once`);
  return text.replace(from, to);
}
