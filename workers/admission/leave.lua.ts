/**
 * An attempt has ended and BullMQ has moved its job on: slots are given back, the place in the key's order too
 * where the event is done with, and whoever waited for that is woken. An event that will be tried again keeps its
 * place.
 *
 * ARGV[2] job id   ARGV[3] gates, as in `enter.lua.ts`
 *
 * Returns nothing.
 */
export const LEAVE = `
local id, gates = ARGV[2], cjson.decode(ARGV[3])
local done = not isLive(id)
for _, slot in ipairs(gates.slots) do
  -- With a lock it has begun again already, and holds its slot anew.
  if call('EXISTS', base .. id .. ':lock') == 0 then call('ZREM', slot.key, id) end
  if not slot.ordered then call('ZREM', slot.waiting, id) end
end
if gates.serial and done then call('ZREM', gates.serial.members, id) end
for _, slot in ipairs(gates.slots) do wake(slot) end
`;
