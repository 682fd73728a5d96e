/**
 * Which events of the source have been seen by a worker, by their numbers (`seq`, given by Redis at acceptance,
 * without gaps). Until every lower number has been seen, nobody knows whether one of them has the same `serialBy`
 * key. Events without a number (0: queued before numbers were given) count as seen.
 *
 * `<base>order` is a sorted set of numbers: its lowest member is a number up to which all have been seen; the
 * others are those seen beyond it, normally as many as are in hand.
 *
 * - `see(seq)` notes that an event is seen
 * - `isSettled(seq)` → have all below been seen?
 * - `unseenBelow(seq)` → ids of the jobs that have not. Workers take new jobs in the order of their numbers,
 *   so each of them was taken before this one and is active, or was given back to the end of the wait list from
 *   which jobs are taken. Numbers that are in neither place are gone (removed by hand) and are passed over.
 */
export const ORDER = `
local order = base .. 'order'
-- So many numbers beyond a gap mean that nobody has waited for it to close: look whether it is real.
local MANY = 1000
-- How far unseenBelow looks into the wait list; only jobs that were taken before can lie at that end.
local DEEP = 5000

local function floorOf()
  return tonumber(call('ZRANGE', order, 0, 0)[1] or '0')
end

local function advance()
  while true do
    local two = call('ZRANGE', order, 0, 1)
    if not two[2] or tonumber(two[2]) ~= tonumber(two[1]) + 1 then return end
    call('ZREMRANGEBYRANK', order, 0, 0)
  end
end

local function isSettled(seq)
  local floor = floorOf()
  if tonumber(seq) <= floor + 1 then return true end
  return call('ZCOUNT', order, floor + 1, '(' .. seq) == tonumber(seq) - floor - 1
end

local function unseenBelow(seq)
  local floor, top, lowest, found = floorOf(), tonumber(seq), tonumber(seq), {}
  local function look(other)
    local job = call('HMGET', base .. other, 'seq', 'ats')
    local number = tonumber(job[1] or '0')
    if number > floor and number < top and not call('ZSCORE', order, job[1]) then
      found[#found + 1] = other
      lowest = math.min(lowest, number)
    end
    return job[2]
  end
  for _, other in ipairs(call('LRANGE', base .. 'active', 0, -1)) do look(other) end
  local waiting = call('LRANGE', base .. 'wait', -DEEP, -1)
  for index = #waiting, 1, -1 do
    if not look(waiting[index]) then break end
  end
  call('ZREMRANGEBYSCORE', order, '-inf', lowest - 1)
  call('ZADD', order, lowest - 1, string.format('%.0f', lowest - 1))
  advance()
  return found
end

local function see(seq)
  local floor = call('ZRANGE', order, 0, 0)[1]
  if not floor then call('ZADD', order, 0, '0') end
  if tonumber(seq) <= tonumber(floor or '0') then return end
  call('ZADD', order, seq, seq)
  advance()
  local beyond = call('ZCARD', order)
  if beyond % MANY == 0 then unseenBelow(seq) end
end
`;

/** `ARGV[2]` a number. Returns the ids of the jobs below it that have not been seen, at most 200 at a time. */
export const UNSEEN = `
local ids = unseenBelow(ARGV[2])
return {unpack(ids, 1, math.min(#ids, 200))}
`;

/** Notes events as seen. `ARGV[2…]`: their job ids. Returns nothing. */
export const SEE = `
for index = 2, #ARGV do
  local seq = call('HGET', base .. ARGV[index], 'seq')
  if seq then see(seq) end
end
`;

/**
 * Notes events as seen and gives each its place in its key's order: for a worker that came first to an event which
 * another has in hand. `ARGV[2…]`: pairs of job id and the key's sorted set, '' where the event has none.
 */
export const REGISTER = `
for index = 2, #ARGV, 2 do
  local id, members = ARGV[index], ARGV[index + 1]
  local seq = call('HGET', base .. id, 'seq')
  if seq then
    if members ~= '' and isLive(id) then call('ZADD', members, 'NX', seq, id) end
    see(seq)
  end
end
`;
