/** How late the event loop of a process was, from the histogram in its metrics. */
import type { Subject } from './processes.js';

/** Upper bound of a bucket in seconds → how many were in it or below. */
export type Delays = Map<number, number>;

const BUCKET = /^hookline_event_loop_delay_seconds_bucket\{[^}]*\ble="([^"]+)"[^}]*\} (\d+)$/gm;

export async function readDelays({ port }: Subject): Promise<Delays> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const buckets = (await answer.text()).matchAll(BUCKET);
  return new Map(
    [...buckets].map(([, bound, count]) => [Number(bound?.replace('+Inf', 'Infinity')), Number(count)]),
  );
}

/** Milliseconds: the upper bound of the bucket that the share `p` of what came between two readings is within. */
export function delayPercentile(before: Delays, after: Delays, p: number): number {
  const added = [...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const);
  const all = Math.max(...added.map(([, count]) => count));
  const [bound = NaN] = added.find(([, count]) => count >= p * all) ?? [];
  return bound * 1_000;
}
