/** The queues' depths are asked for at each scrape: what a slow or missing answer, or another scrape, does to them. */
import t from 'tap';
import { Metrics } from '../../lib/metrics.js';
import type { Depths } from '../../lib/queue/delivery-queue.js';

const DEPTHS: Depths = { waiting: 1, active: 2, delayed: 3, failed: 4, completed: 5 };

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
  const text = await metrics.registry.metrics();
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
  t.same(depthsIn(await metrics.registry.metrics(), 'a'), [1, 2, 3, 4, 5]);
  const failures: Array<() => Promise<Depths>> = [
    () => Promise.reject(new Error('gone')),
    () => new Promise(() => {}),
  ];
  for (const failure of failures) {
    answer = failure;
    const text = await metrics.registry.metrics();
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
  const first = metrics.registry.metrics();
  await settle();
  asked[0]?.(DEPTHS);
  await settle();
  const second = metrics.registry.metrics();
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

/** A few turns, so that whatever can be done without an answer is done. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
