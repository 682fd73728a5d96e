import type { TallySummary } from '../../senders/traffic/tally.js';
import { table } from '../output.js';

/** The answers and how long they took, for people. */
export function describeTally({ answers, latency }: TallySummary): string {
  const rows = Object.entries(answers).map(([answer, count]) => [answer, String(count)]);
  const times = latency
    ? `\nLatency: p50 ${latency.p50} ms, p90 ${latency.p90} ms, p99 ${latency.p99} ms, max ${latency.max} ms`
    : '';
  return table([['answer', 'count'], ...rows]) + times;
}
