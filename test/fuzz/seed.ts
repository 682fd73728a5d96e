/** One seed for all that is drawn: printed, so that a run can be had again with FUZZ_SEED. */
import type { Parameters } from 'fast-check';

/** `FUZZ_SEED` where it is set, else another one for every process. */
export const seed = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
if (!Number.isInteger(seed)) throw new Error('FUZZ_SEED is not a whole number');

/** `runs` draws from the seed. A failure is shrunk, and told with the seed and the path that lead to it. */
export function draws<Drawn>(runs: number): Parameters<Drawn> {
  return { seed, numRuns: runs, interruptAfterTimeLimit: 30_000, markInterruptAsFailure: false };
}
