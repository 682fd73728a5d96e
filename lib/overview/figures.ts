import type { Growth } from './tally.js';
import type { HourFigures, MinuteFigures } from './schema.js';

const OUTCOMES = ['accepted', 'duplicate', 'spooled', 'refused', 'unavailable'] as const;

/** The figures of one source in one minute. */
export function minuteFigures(source: string, at: number, grown: Growth): MinuteFigures {
  return { at: new Date(at).toISOString(), ...counts(source, grown), ...quantiles(source, grown) };
}

/** Those of all minutes together. */
export function hourFigures(source: string, minutes: Growth[]): HourFigures {
  const sum: Growth = new Map();
  for (const grown of minutes) for (const [name, value] of grown) sum.set(name, (sum.get(name) ?? 0) + value);
  const start = `cause:${source}:`;
  const refusals = [...sum].filter(([name]) => name.startsWith(start));
  return {
    ...counts(source, sum),
    ...quantiles(source, sum),
    refusals: Object.fromEntries(refusals.map(([name, value]) => [name.slice(start.length), value])),
  };
}

function counts(source: string, grown: Growth) {
  const count = (outcome: string) => grown.get(`outcome:${source}:${outcome}`) ?? 0;
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, count(outcome)])) as Record<
    (typeof OUTCOMES)[number],
    number
  >;
}

function quantiles(source: string, grown: Growth) {
  const start = `time:${source}:`;
  const buckets = [...grown]
    .filter(([name]) => name.startsWith(start))
    .map(([name, count]) => ({ bound: boundOf(name.slice(start.length)), count }))
    .sort((a, b) => a.bound - b.bound);
  return { p50: quantile(buckets, 0.5), p99: quantile(buckets, 0.99) };
}

function boundOf(text: string): number {
  return text === '+Inf' ? Infinity : Number(text);
}

/** The upper bound of the bucket in which it lies: what can be said for sure. Beyond the last bucket it is `null`. */
function quantile(buckets: Array<{ bound: number; count: number }>, share: number): number | null {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  let seen = 0;
  for (const { bound, count } of buckets) {
    seen += count;
    if (seen >= total * share) return Number.isFinite(bound) ? bound : null;
  }
  return null;
}
