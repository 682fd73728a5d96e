/**
 * Keeps a step's result with its job, the first writer's for good.
 *
 * KEYS[1] the job's hash
 * ARGV[1] field `step:<name>`   ARGV[2] the result as JSON
 *
 * Returns `{'kept'}` when ours is the one that is kept, `{'other', json}` when another run's was there first,
 * `{'gone'}` when the job has been removed.
 */
export const KEEP_STEP = `
if redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then
  return {'other', redis.call('HGET', KEYS[1], ARGV[1])}
end
redis.call('HINCRBY', KEYS[1], 'stepCount', 1)
return {'kept'}
`;
