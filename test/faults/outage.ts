/**
 * Redis stopped under a provider's load: npm run build && npx tsx test/faults/outage.ts [--seconds 60] [--rate 300]
 * Prints what became of all deliveries, how long the drain took, and the latency while spooling beside the normal one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { percentile } from '../../bench/stats.js';
import { until } from '../support/deliveries.js';
import { check } from './checker.js';
import type { Exchange } from './history.js';
import { Provider } from './provider.js';
import { Random } from './random.js';
import { openStage } from './stage.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    rate: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    signal: { type: 'string', default: 'SIGKILL' },
  },
});
const NORMAL = 10_000;
const closers: Array<() => unknown> = [];

try {
  const stage = await openStage({ teardown: (close) => void closers.push(close) });
  const provider = new Provider({ addresses: stage.addresses, random: new Random(Number(values.seed)) });
  provider.start(Number(values.rate));
  await sleep(NORMAL);
  const normal = latency(allOf(provider), 'accepted');
  console.log(`Redis is stopped for ${values.seconds} s (${values.signal})`);
  if (values.signal === 'SIGSTOP') stage.redis.signal('SIGSTOP');
  else await stage.redis.kill();
  await sleep(Number(values.seconds) * 1_000);
  const spool = await spoolOf(stage.addresses()[0] ?? '');
  const back = Date.now();
  if (values.signal === 'SIGSTOP') stage.redis.signal('SIGCONT');
  else await stage.redis.start();
  await until(
    'the spool to be drained',
    async () => (await spoolOf(stage.addresses()[0] ?? '')).events === 0,
    300_000,
  );
  const drained = (Date.now() - back) / 1_000;
  await sleep(5_000);
  await provider.finish();
  const history = await stage.settle(provider.sent);
  const violations = check(history);
  const genuine = [...history.sent.values()].filter(({ forged }) => !forged);
  const exchanges = genuine.flatMap((one) => one.exchanges);
  const ended = new Set(history.runs.filter(({ what }) => what === 'ended').map(({ id }) => id));
  const ends = history.runs.filter(({ what }) => what === 'ended').length;
  console.log(
    JSON.stringify(
      {
        events: genuine.length,
        answers: tally(exchanges),
        lost: genuine.filter(({ id }) => !ended.has(id)).length,
        handledTwice: ends - ended.size,
        givenUp: genuine.filter(({ givenUp }) => givenUp).length,
        spool,
        drainedAfterSeconds: drained,
        normal,
        spooling: latency(exchanges, 'spooled'),
        all: latency(exchanges),
        violations,
      },
      undefined,
      2,
    ),
  );
} finally {
  for (const close of closers.toReversed()) await close();
}

async function spoolOf(address: string): Promise<{ bytes: number; events: number; oldestSeconds: number }> {
  const answer = await fetch(`${address}/health/ready`);
  return ((await answer.json()) as { spool: { bytes: number; events: number; oldestSeconds: number } }).spool;
}

function tally(exchanges: Exchange[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, said } of exchanges) {
    const name = `${status ?? 'none'} ${said}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function allOf({ sent }: Provider): Exchange[] {
  return [...sent.values()].flatMap(({ exchanges }) => exchanges);
}

function latency(exchanges: Exchange[], wanted?: string): Record<string, number> {
  const times = exchanges
    .filter(({ said }) => (wanted ?? said) === said)
    .map(({ milliseconds }) => milliseconds);
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => Math.round(percentile(sorted, share) * 10) / 10;
  return { count: times.length, p50: at(0.5), p99: at(0.99), max: Math.round(sorted.at(-1) ?? 0) };
}
