/**
 * A slot group lets at most `max` events be in hand at once, over all workers. `{ key, waiting, max, ordered }`:
 * `key` is a sorted set of the job ids that hold a slot, by the time they got it; `waiting` one of those that
 * want one, by their numbers. A holder whose BullMQ lock is gone (its worker was killed) holds nothing.
 * In an `ordered` group (a `serialBy` key) `waiting` holds every live event, and only the lowest may have the slot.
 *
 * - `freeSlots(slot)` → how many may still be had
 * - `wake(slot)` brings back from the delayed set those that were parked for what is free now. Whoever is no
 *   longer parked is on its way already. Safe at any time, any number of times.
 * - `hurryNext(slot, id)`: `id` has just taken a slot; whoever is next looks for itself soon, in case `id` ends
 *   without waking it (its worker is killed in that very moment)
 */
export const SLOTS = `
-- How soon the next in line looks for itself (ms).
local LOOK_AFTER = 10000
-- Looking at every holder of a large group is done at most this often (ms).
local LOOK_AGAIN = 1000

local function freeSlots(slot)
  local taken = call('ZCARD', slot.key)
  if taken < slot.max then return slot.max - taken end
  if slot.max > 10 and not call('SET', slot.key .. ':looked', 1, 'PX', LOOK_AGAIN, 'NX') then return 0 end
  for _, id in ipairs(call('ZRANGE', slot.key, 0, -1)) do
    if call('EXISTS', base .. id .. ':lock') == 0 then
      call('ZREM', slot.key, id)
      taken = taken - 1
    end
  end
  return slot.max - taken
end

local function unpark(id)
  if call('HDEL', base .. id, 'parked') == 1 then promoteFirst(base, id) end
end

local function wake(slot)
  local free = freeSlots(slot)
  if free < 1 then return end
  if slot.ordered then
    local id = firstLive(slot.waiting)
    if id then unpark(id) end
    return
  end
  firstLive(slot.waiting)
  for _, id in ipairs(call('ZRANGE', slot.waiting, 0, free - 1)) do
    if isLive(id) then unpark(id) else call('ZREM', slot.waiting, id) end
  end
end

local function hurryNext(slot, id)
  local next = call('ZRANGE', slot.waiting, 0, 1)
  local who = next[1] ~= id and next[1] or next[2]
  if not who or call('HEXISTS', base .. who, 'parked') == 0 then return end
  -- BullMQ's scores are milliseconds times 0x1000.
  local soon = (now() + LOOK_AFTER) * 0x1000
  local score = call('ZSCORE', base .. 'delayed', who)
  if score and tonumber(score) > soon then call('ZADD', base .. 'delayed', soon, who) end
end
`;
