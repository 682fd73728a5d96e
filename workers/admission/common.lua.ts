/**
 * What the scripts of this folder share. `ARGV[1]` of each is `base`: what all keys of the source's queue begin
 * with, colon included (`hookline:petstore:`).
 *
 * - `now()` → milliseconds by the server's clock, the one clock that all workers have in common
 * - `isLive(id)` → has this event still to be handled? A dead one whose handler says `onDead: 'hold'` counts as well.
 * - `firstLive(set)` → the lowest live member of a sorted set of job ids, or nil; drops the others below it
 */
export const COMMON = `
local base = ARGV[1]
local call = redis.call

local function now()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function isLive(id)
  local job = call('HMGET', base .. id, 'timestamp', 'finishedOn', 'holds')
  if not job[1] then return false end
  if not job[2] then return true end
  return job[3] ~= false and call('ZSCORE', base .. 'failed', id) ~= false
end

local function firstLive(set)
  while true do
    local id = call('ZRANGE', set, 0, 0)[1]
    if not id or isLive(id) then return id end
    call('ZREM', set, id)
  end
end
`;
