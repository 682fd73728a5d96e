import type { RedisConnection } from '../queue/connection.js';
import type { Delivery } from '../event.js';

/**
 * What can be read of a job without reading its body. `head` is the job's data up to the body, as JSON;
 * `lastLine` is the last line of its log; the rest are fields of BullMQ's job hash.
 */
export type JobField =
  | 'head'
  | 'lastLine'
  | 'name'
  | 'failedReason'
  | 'timestamp'
  | 'processedOn'
  | 'finishedOn'
  | 'atm'
  | 'stacktrace';

/** What is known of a delivery before its body is read. */
export type DeliveryHead = Omit<Delivery, 'rawBody' | 'headers' | 'encoding' | 'quarantine'>;

/** As many jobs as one script may read: it holds Redis up for a millisecond or two. */
const CHUNK = 500;
/** How many are read in one go: while some are read, others are looked at. */
export const STRETCH = 4 * CHUNK;

/**
 * Bodies can be megabytes, so the head is cut off where they are. A quote inside a JSON string is always
 * escaped, so `,"rawBody":` cannot occur in a value.
 */
const READ = `
local rows = {}
for i, key in ipairs(KEYS) do
  local row = {}
  for j, field in ipairs(ARGV) do
    if field == 'lastLine' then
      row[j] = redis.call('LINDEX', key .. ':logs', -1)
    elseif field == 'head' then
      local data = redis.call('HGET', key, 'data')
      local body = data and string.find(data, ',"rawBody":', 1, true)
      row[j] = body and (string.sub(data, 1, body - 1) .. '}') or data
    else
      row[j] = redis.call('HGET', key, field)
    end
  end
  rows[i] = row
end
return rows`;

/** What was read of one job, in the order of the fields. */
export type JobRow<Fields extends readonly JobField[]> = { [Index in keyof Fields]: string | null };

/** Reads some fields of some jobs, in their order. Of a job that is gone, everything is `null`. */
export async function readJobs<const Fields extends readonly JobField[]>(
  redis: RedisConnection,
  jobKeys: string[],
  fields: Fields,
): Promise<Array<JobRow<Fields>>> {
  const chunks: Array<Promise<unknown>> = [];
  for (let start = 0; start < jobKeys.length; start += CHUNK) {
    chunks.push(run(redis, jobKeys.slice(start, start + CHUNK), fields));
  }
  return (await Promise.all(chunks)).flat() as Array<JobRow<Fields>>;
}

interface ReadCommand {
  hooklineReadJobs(numberOfKeys: number, ...rest: string[]): Promise<unknown>;
}

function run(redis: RedisConnection, keys: string[], fields: readonly JobField[]): Promise<unknown> {
  if (!('hooklineReadJobs' in redis)) redis.defineCommand('hooklineReadJobs', { lua: READ });
  return (redis as RedisConnection & ReadCommand).hooklineReadJobs(keys.length, ...keys, ...fields);
}

/** `undefined` for a job that is gone, or whose data is not a delivery. */
export function parseHead(json: string | null): DeliveryHead | undefined {
  if (json === null) return undefined;
  try {
    const head = JSON.parse(json) as Partial<DeliveryHead>;
    return typeof head.id === 'string' ? (head as DeliveryHead) : undefined;
  } catch {
    return undefined;
  }
}
