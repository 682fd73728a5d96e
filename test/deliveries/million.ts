/**
 * How long `hookline show` and a page of `hookline deliveries` take among 1,000 and among 1,000,000 finished jobs.
 * Not part of the suite: it takes some minutes and about 3 GB of memory. Starts a redis-server of its own.
 *
 *   npm run build && npx tsx test/deliveries/million.ts [jobs…]
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { describeDelivery } from '../../lib/deliveries/describe.js';
import { filterSchema } from '../../lib/deliveries/schema.js';
import { searchDeliveries } from '../../lib/deliveries/search.js';
import type { DeliveryStore } from '../../lib/deliveries/store.js';
import { silentLog } from '../../lib/log.js';
import { DeliveryQueue } from '../../lib/queue/delivery-queue.js';
import { freePort } from '../process/relay.js';
import { addFinished, oneOfMany } from './jobs.js';

const SIZES = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1_000, 1_000_000];
const RUNS = 5;
const CHUNK = 1_000;

async function openRedis(): Promise<{ url: string; redis: Redis; close: () => Promise<void> }> {
  const port = await freePort();
  const child = spawn('redis-server', [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
  ]);
  const url = `redis://127.0.0.1:${port}`;
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  await redis.ping();
  return {
    url,
    redis,
    async close() {
      redis.disconnect();
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function fill(redis: Redis, prefix: string, size: number): Promise<void> {
  const now = Date.now();
  for (let start = 0; start < size; start += CHUNK) {
    const length = Math.min(CHUNK, size - start);
    await addFinished(
      redis,
      prefix,
      Array.from({ length }, (_one, index) => oneOfMany(start + index, size, now)),
    );
  }
}

/** The commands that are measured, with what they must find among `size` jobs. */
const commands = (size: number): Record<string, string[]> => ({
  'show <newest>': ['show', 'petstore', `evt_${size - 1}`],
  'show <oldest>': ['show', 'petstore', 'evt_0'],
  'show <unknown>': ['show', 'petstore', 'evt_unknown'],
  deliveries: ['deliveries'],
  '--state failed': ['deliveries', '--state', 'failed'],
  '--topic (1 in 5)': ['deliveries', '--topic', 'pet.status_changed'],
  '--topic (only the oldest)': ['deliveries', '--topic', 'pet.first'],
  '--topic (none)': ['deliveries', '--topic', 'pet.none'],
  '--tenant (1 in 100)': ['deliveries', '--tenant', 'OU7'],
  '--tenant (only the oldest)': ['deliveries', '--tenant', 'OU-first'],
  '--reason (none)': ['deliveries', '--state', 'failed', '--reason', 'no such reason'],
  '--state quarantined (none)': ['deliveries', '--state', 'quarantined'],
  '--since 1h --topic (none)': ['deliveries', '--since', '1h', '--topic', 'pet.none'],
});

async function inProcess(store: DeliveryStore, args: string[]): Promise<string> {
  const [command, ...rest] = args;
  if (command === 'show') {
    const state = await describeDelivery(store, 'petstore', rest[1] as string);
    return state?.state ?? 'unknown';
  }
  const pairs = rest.flatMap((name, index) => (index % 2 === 0 ? [[name.slice(2), rest[index + 1]]] : []));
  const page = await searchDeliveries(store, filterSchema.parse(Object.fromEntries(pairs)), { limit: 50 });
  return `${page.deliveries.length} of ${page.lookedAt.toLocaleString('en-GB')}${page.cursor ? ' +' : ''}`;
}

async function timed<T>(work: () => Promise<T>): Promise<{ median: number; result: T }> {
  const times: number[] = [];
  let result: T | undefined;
  for (let run = 0; run < RUNS; run += 1) {
    const started = performance.now();
    result = await work();
    times.push(performance.now() - started);
  }
  return { median: times.sort((a, b) => a - b)[Math.floor(RUNS / 2)] as number, result: result as T };
}

const { url, redis, close } = await openRedis();
const rows: Record<string, Record<string, string>> = {};
for (const size of SIZES) {
  const prefix = `million-${size}`;
  const started = performance.now();
  await fill(redis, prefix, size);
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  const memory = /used_memory_human:(\S+)/.exec(await redis.info('memory'))?.[1];
  const label = size.toLocaleString('en-GB');
  console.error(`${label} jobs written in ${seconds} s; Redis holds ${memory}`);
  const queue = new DeliveryQueue('petstore', {
    redis,
    prefix,
    writeTimeout: 5_000,
    dedupeWindow: 1,
    log: silentLog,
  });
  const store: DeliveryStore = { redis, prefix, queues: new Map([['petstore', queue]]) };
  await inProcess(store, ['deliveries', '--topic', 'x']);
  for (const [name, args] of Object.entries(commands(size))) {
    const library = await timed(() => inProcess(store, args));
    const program = await timed(() =>
      promisify(execFile)(process.execPath, ['dist/cli/hookline.js', ...args], {
        env: { PATH: process.env['PATH'], REDIS_URL: url, QUEUE_PREFIX: prefix },
      }).catch((error: { stderr: string }) => {
        if (!name.includes('unknown')) throw error;
      }),
    );
    rows[name] ??= {};
    rows[name][`${label}: command, ms`] = program.median.toFixed(0);
    rows[name][`${label}: of that, search, ms`] = library.median.toFixed(1);
    rows[name][`${label}: found`] = library.result;
  }
  await queue.close();
}
console.table(rows);
const bare = await timed(() => promisify(execFile)(process.execPath, ['dist/cli/hookline.js', '--version']));
console.log(
  `hookline --version, which asks Redis nothing: ${bare.median.toFixed(0)} ms. Medians of ${RUNS}; "+" has a cursor.`,
);
await close();
await sleep(0);
