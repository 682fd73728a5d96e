/** The queues' depths are asked for at each scrape: what a slow or missing answer, or another scrape, does to them. */
import t from 'tap';
import { Metrics } from '../../lib/metrics.js';
import { joinMetrics } from '../../lib/processes/figures.js';
import { until } from '../support/deliveries.js';
import { watchLoopDelay } from '../../lib/loop-delay.js';
import type { Depths } from '../../lib/queue/delivery-queue.js';

const DEPTHS: Depths = { waiting: 1, active: 2, delayed: 3, failed: 4, completed: 5 };

/** What a scrape answers. */
async function textOf(metrics: Metrics): Promise<string> {
  return joinMetrics(await Promise.all([metrics.own(), metrics.asked()]));
}

function depthsIn(text: string, source: string): number[] {
  const lines = text.matchAll(new RegExp(`^hookline_queue_jobs\\{.*source="${source}".*\\} (\\d+)$`, 'gm'));
  return Array.from(lines, ([, value]) => Number(value)).sort((a, b) => a - b);
}

void t.test('every source and state', async (t) => {
  const metrics = new Metrics();
  metrics.watchQueues([
    ['a', { depths: async () => DEPTHS }],
    ['b', { depths: async () => ({ ...DEPTHS, waiting: 9 }) }],
  ]);
  const text = await textOf(metrics);
  t.same(depthsIn(text, 'a'), [1, 2, 3, 4, 5]);
  t.same(depthsIn(text, 'b'), [2, 3, 4, 5, 9]);
});

void t.test('a queue that does not answer leaves its own figures out, and no stale ones in', async (t) => {
  const metrics = new Metrics();
  let answer: () => Promise<Depths> = async () => DEPTHS;
  metrics.watchQueues([
    ['a', { depths: () => answer() }],
    ['b', { depths: async () => DEPTHS }],
  ]);
  t.same(depthsIn(await textOf(metrics), 'a'), [1, 2, 3, 4, 5]);
  const failures: Array<() => Promise<Depths>> = [
    () => Promise.reject(new Error('gone')),
    () => new Promise(() => {}),
  ];
  for (const failure of failures) {
    answer = failure;
    const text = await textOf(metrics);
    t.same(depthsIn(text, 'a'), []);
    t.same(depthsIn(text, 'b'), [1, 2, 3, 4, 5]);
    t.match(text, /^hookline_deliveries_total|^# TYPE hookline_deliveries_total/m, 'and all else is told');
  }
});

void t.test('a scrape that begins during another takes nothing from it', async (t) => {
  const metrics = new Metrics();
  const asked: Array<(depths: Depths) => void> = [];
  const held = () => new Promise<Depths>((resolve) => asked.push(resolve));
  metrics.watchQueues([
    ['a', { depths: held }],
    ['b', { depths: held }],
  ]);
  const first = textOf(metrics);
  await settle();
  asked[0]?.(DEPTHS);
  await settle();
  const second = textOf(metrics);
  await settle();
  asked[1]?.(DEPTHS);
  await settle();
  for (const answer of asked) answer(DEPTHS);
  for (const [name, scrape] of Object.entries({ first, second })) {
    const text = await scrape;
    t.same(depthsIn(text, 'a'), [1, 2, 3, 4, 5], `a in the ${name}`);
    t.same(depthsIn(text, 'b'), [1, 2, 3, 4, 5], `b in the ${name}`);
  }
});

void t.test('the first in a queue, and the memory of Redis', async (t) => {
  const metrics = new Metrics();
  let down = false;
  const unlessDown = async <T>(answer: T): Promise<T> => {
    if (down) throw new Error('gone');
    return answer;
  };
  let memory = 'used_memory:1000\r\nmaxmemory:4000\r\ntotal_system_memory:9000\r\n';
  metrics.watchOldest(['a', 'b'], async (source) => unlessDown(source === 'a' ? 12.5 : 0));
  metrics.watchRedis({ info: async () => unlessDown(`# Memory\r\nused_memory_human:1K\r\n${memory}`) });
  const read = async () => (await textOf(metrics)).match(/^hookline_(?:queue_oldest|redis).*$/gm) ?? [];
  const oldest = [
    'hookline_queue_oldest_waiting_seconds{source="a"} 12.5',
    'hookline_queue_oldest_waiting_seconds{source="b"} 0',
  ];
  const used = 'hookline_redis_memory_used_bytes 1000';
  t.same(await read(), [...oldest, used, 'hookline_redis_memory_limit_bytes 4000']);
  memory = memory.replace('maxmemory:4000', 'maxmemory:0');
  t.same(await read(), [...oldest, used, 'hookline_redis_memory_limit_bytes 9000'], "the machine's memory");
  memory = 'used_memory:1000\r\nmaxmemory:0\r\ntotal_system_memory:0\r\n';
  t.same(await read(), [...oldest, used], 'what is not known is not told');
  down = true;
  t.same(await read(), [], 'nor what it was');
});

void t.test('nothing is reset by a scrape, and no gauge is named as a counter', async (t) => {
  const { registry } = new Metrics();
  const first = await registry.metrics();
  t.notMatch(first, /^nodejs_eventloop_lag/m);
  for (const [, name, type] of first.matchAll(/^# TYPE (\w+) (\w+)$/gm))
    t.equal(name?.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
});

void t.test('a source begins at nothing, and not with its first delivery', async (t) => {
  const metrics = new Metrics();
  metrics.openSource('a');
  const text = await textOf(metrics);
  for (const outcome of ['accepted', 'duplicate', 'spooled', 'refused', 'unavailable'])
    t.match(text, `hookline_deliveries_total{source="a",outcome="${outcome}"} 0`);
  t.match(text, 'hookline_acknowledgement_seconds_count{source="a"} 0');
  t.match(text, 'hookline_accept_write_seconds_count{source="a",outcome="ok"} 0');
});

void t.test('so does what an alert or a panel asks for before it happens', async (t) => {
  const metrics = new Metrics();
  metrics.openQueue('a');
  metrics.watchOverload({ inFlight: 0, limit: 1 });
  const text = await metrics.registry.metrics();
  t.match(text, 'hookline_stalled_total{source="a"} 0');
  for (const cause of ['in-flight', 'event-loop', 'memory', 'queue-depth'])
    t.match(text, `hookline_shed_total{cause="${cause}"} 0`);
});

void t.test('the providers’ deadlines are buckets', async (t) => {
  const metrics = new Metrics();
  metrics.delivery('a', 'accepted', 5);
  metrics.delivery('a', 'accepted', 5.001);
  const text = await textOf(metrics);
  t.match(text, 'hookline_acknowledgement_seconds_bucket{le="5",source="a"} 1');
  t.match(text, 'hookline_acknowledgement_seconds_bucket{le="15",source="a"} 2');
});

void t.test('a late event loop is seen', async (t) => {
  const delays: number[] = [];
  const end = watchLoopDelay((seconds) => delays.push(seconds));
  t.teardown(end);
  await until('a first look', () => delays.length > 0);
  const before = delays.length;
  // Longer than it takes to come round to the timer.
  const busyUntil = performance.now() + 400;
  while (performance.now() < busyUntil);
  await until('the next look', () => delays.length > before);
  t.ok(Math.max(...delays.slice(before)) > 0.2, delays.join());
});

/** A few turns, so that whatever can be done without an answer is done. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
