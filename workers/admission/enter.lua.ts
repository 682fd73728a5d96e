/**
 * May this event be handled now? Where not, the job is parked by the same script: it goes to the delayed set, its
 * attempt uncounted, to be woken by the event it waits for, or by itself after a while should that one's worker
 * have died.
 *
 * ARGV[2] job id   ARGV[3] lock token   ARGV[4] the worker's clock, ms   ARGV[5] gates, see `gates.ts`, as JSON
 *
 * Returns one of
 * - `{'go'}`: slots are taken, rates counted
 * - `{'stale', newest}`, `{'mixed', newest}`: see `latestBy`; nothing is taken
 * - `{'unsettled', seq}`: an event with a lower number has not been seen by its worker; this one has its place
 * - `{'parked', why, ms}`: it is in the delayed set
 * - `{'lost'}`: the job is no longer this worker's
 */
export const ENTER = `
-- How late a parked event looks for itself at most (ms): those further back in the line look later.
local LOOK_AFTER_MOST = 600000
-- Sets of waiting events go when nobody has waited for so long (ms).
local DAY = 86400000

local id, token, clock, gates = ARGV[2], ARGV[3], ARGV[4], cjson.decode(ARGV[5])
local job = base .. id
if call('GET', job .. ':lock') ~= token then return {'lost'} end
local seq = call('HGET', job, 'seq') or '0'
local passed = {}

local function park(why, delay, wakeable)
  for _, slot in ipairs(gates.slots) do call('ZREM', slot.key, id) end
  if wakeable then call('HSET', job, 'parked', 1) else call('HDEL', job, 'parked') end
  if moveToDelayed(base, id, token, clock, delay) < 0 then return {'lost'} end
  -- What this one was woken for and cannot use is for the next.
  for _, slot in ipairs(passed) do wake(slot) end
  return {'parked', why, tostring(delay)}
end

local function lookAfter(set, width)
  local ahead = math.floor((call('ZRANK', set, id) or 0) / width)
  return math.min(LOOK_AFTER * math.max(ahead, 1), LOOK_AFTER_MOST)
end

local function wait(set)
  call('ZADD', set, seq, id)
  call('PEXPIRE', set, DAY)
end

if gates.ordered then see(seq) end

local latest = gates.latest
if latest then
  local newest = call('GET', latest.key)
  if newest then
    if newest:sub(1, 1) ~= latest.version:sub(1, 1) then return {'mixed', newest} end
    if isOlder(latest.version, newest) then return {'stale', newest} end
  end
end

local serial = gates.serial
if serial then
  if serial.hold then call('HSET', job, 'holds', 1) end
  call('ZADD', serial.members, seq, id)
  call('PEXPIRE', serial.members, 366 * DAY)
  if not isSettled(seq) then return {'unsettled', seq} end
  if firstLive(serial.members) ~= id then return park('order', lookAfter(serial.members, 1), true) end
end

for _, slot in ipairs(gates.slots) do
  if not call('ZSCORE', slot.key, id) and freeSlots(slot) < 1 then
    if not slot.ordered then
      firstLive(slot.waiting)
      wait(slot.waiting)
    end
    return park('slot', lookAfter(slot.waiting, slot.max), true)
  end
  if not slot.ordered then
    call('ZREM', slot.waiting, id)
    passed[#passed + 1] = slot
  end
end

local time = now()
for _, rate in ipairs(gates.rates) do
  local oldest = call('LINDEX', rate.key, rate.max - 1)
  if oldest and oldest + rate.per > time then
    firstLive(rate.waiting)
    wait(rate.waiting)
    -- When as many starts as there are events ahead of this one will lie more than 'per' back.
    local rank = call('ZRANK', rate.waiting, id)
    local freed = call('LINDEX', rate.key, rate.max - 1 - rank % rate.max)
    local at = freed + rate.per * (1 + math.floor(rank / rate.max))
    return park('rate', math.max(1, math.ceil(at - time)), false)
  end
end

for _, slot in ipairs(gates.slots) do
  call('ZADD', slot.key, time, id)
  hurryNext(slot, id)
end
for _, rate in ipairs(gates.rates) do
  call('ZREM', rate.waiting, id)
  call('LPUSH', rate.key, string.format('%.0f', time))
  call('LTRIM', rate.key, 0, rate.max - 1)
  call('PEXPIRE', rate.key, rate.per)
end
call('HDEL', job, 'parked')
return {'go'}
`;
