/** Deliveries at a steady rate from one address of this machine, and how they were answered. */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { post, type SignedRequest } from '../../../senders/sender.js';
import { percentile } from '../support.js';

export interface Steady {
  address: string;
  /** Where it comes from, such as `127.0.0.2`. */
  from: string;
  /** Deliveries a second. */
  rate: number;
  /** How many, or until this is aborted. */
  until: number | AbortSignal;
  next: () => Promise<SignedRequest>;
}

export interface Outcome {
  sent: number;
  /** Answers by status; `none` where there was none. */
  statuses: Record<string, number>;
  /** Milliseconds of those answered, in the order they were sent. */
  latencies: number[];
}

/** Sends on time whatever becomes of those before, so that a receiver that stalls is not spared. */
export async function send({ address, from, rate, until, next }: Steady): Promise<Outcome> {
  const agent = new http.Agent({ keepAlive: true, localAddress: from });
  const outcome: Outcome = { sent: 0, statuses: {}, latencies: [] };
  const one = async (due: number) => {
    const status = await post(address, await next(), { timeoutMs: 30_000, agent }).then(
      (answer) => String(answer.status),
      () => 'none',
    );
    outcome.statuses[status] = (outcome.statuses[status] ?? 0) + 1;
    outcome.latencies.push(performance.now() - due);
  };
  const started = performance.now();
  const inHand: Array<Promise<void>> = [];
  const wanted = (count: number) => (typeof until === 'number' ? count < until : !until.aborted);
  for (let count = 0; wanted(count); count += 1) {
    const due = started + (count * 1_000) / rate;
    await sleep(Math.max(0, due - performance.now()));
    outcome.sent += 1;
    inHand.push(one(due));
  }
  await Promise.all(inHand);
  agent.destroy();
  return outcome;
}

/** Several runs as one. */
export function together(outcomes: Outcome[]): Outcome {
  const all: Outcome = { sent: 0, statuses: {}, latencies: [] };
  for (const { sent, statuses, latencies } of outcomes) {
    all.sent += sent;
    all.latencies.push(...latencies);
    for (const [status, count] of Object.entries(statuses)) {
      all.statuses[status] = (all.statuses[status] ?? 0) + count;
    }
  }
  return all;
}

export function show(name: string, { sent, statuses, latencies }: Outcome): void {
  const [p50, p99, most] = [0.5, 0.99, 1].map((p) => percentile(latencies, p).toFixed(1));
  const share = ((100 * (statuses['200'] ?? 0)) / sent).toFixed(2);
  console.log(
    `${name.padEnd(44)} ${String(sent).padStart(5)} sent, ${share} % 200, ${JSON.stringify(statuses)}, ms: p50 ${p50}, p99 ${p99}, most ${most}`,
  );
}

/** How much slower than the control: medians and 99th percentiles as ratios. */
export function showRatio(name: string, subject: Outcome, control: Outcome): void {
  const ratio = (p: number) =>
    (percentile(subject.latencies, p) / percentile(control.latencies, p)).toFixed(2);
  console.log(`${name}: p50 ${ratio(0.5)} times, p99 ${ratio(0.99)} times the control`);
}
