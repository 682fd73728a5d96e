/**
 * Versions of `latestBy` as text: a letter for their kind, `n` or `s`, then the version.
 *
 * - `isOlder(a, b)` → is version `a` older than `b`, both of one kind? Numbers by value, texts byte by byte, since
 *   Lua's own comparison of texts follows the locale that the server was started in.
 */
export const VERSIONS = `
local function isOlder(a, b)
  if a:sub(1, 1) == 'n' then return tonumber(a:sub(2)) < tonumber(b:sub(2)) end
  for index = 2, math.min(#a, #b) do
    local x, y = a:byte(index), b:byte(index)
    if x ~= y then return x < y end
  end
  return #a < #b
end
`;

/**
 * Remembers the version that has been handled, unless a newer one has been since.
 * `ARGV[2]` the key, `ARGV[3]` the version, `ARGV[4]` milliseconds for which it is remembered. Returns nothing.
 */
export const RECORD = `
local newest = call('GET', ARGV[2])
if newest and newest:sub(1, 1) == ARGV[3]:sub(1, 1) and isOlder(ARGV[3], newest) then return end
call('SET', ARGV[2], ARGV[3], 'PX', ARGV[4])
`;
