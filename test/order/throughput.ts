/**
 * What `serialBy` costs: the same backlog handled with and without it, in turns, since machines are noisy.
 * `npm run build && npx tsx test/order/throughput.ts`; sizes by KEYS, EVENTS, WORKERS, ROUNDS, WORK (ms per event).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { until } from '../support/deliveries.js';
import { handlersFolder, openQueue } from '../support/ledger.js';
import { spawnHookline } from '../support/process.js';
import { openStore } from '../support/store.js';

const number = (name: string, standard: number) => Number(process.env[name] ?? standard);
const KEYS = number('KEYS', 1_000);
const EVENTS = number('EVENTS', 10_000);
const WORKERS = number('WORKERS', 4);
const ROUNDS = number('ROUNDS', 3);
const WORK = number('WORK', 5);

// tap's own limit is half a minute.
t.setTimeout(3_600_000);

const VARIANTS = { plain: '', serial: 'serialBy: ({ payload }) => payload.data.key,' };

/** Events per second from the moment at which the queue opens. */
async function measure(t: Test, options: string): Promise<number> {
  let rate = 0;
  await t.test('round', { timeout: 600_000 }, async (t) => {
    const store = await openStore(t);
    const HANDLERS_DIR = await handlersFolder(t, undefined, {
      'any.mjs': `export default { source: 'petstore', topic: '*', ${options} async handle() { await sleep(${WORK}); } };`,
    });
    const { accept, queue } = openQueue(t, store);
    await queue.queue.pause();
    await accept(
      ...Array.from({ length: EVENTS }, (_, n) => ({
        id: `evt-${n}`,
        data: { key: `key ${Math.floor(Math.random() * KEYS)}` },
      })),
    );
    for (let n = 0; n < WORKERS; n += 1) {
      spawnHookline(t, {
        ROLE: 'worker',
        REDIS_URL: store.url,
        QUEUE_PREFIX: store.prefix,
        HANDLERS_DIR,
        LOG_LEVEL: 'warn',
        KEEP_COMPLETED_COUNT: '1000000',
      });
    }
    await until('all workers', async () => (await queue.queue.getWorkersCount()) === WORKERS, 60_000);
    await sleep(500);
    const started = performance.now();
    await queue.queue.resume();
    await until('all to be handled', async () => (await queue.depths()).completed === EVENTS, 500_000);
    rate = (EVENTS / (performance.now() - started)) * 1_000;
    await queue.queue.obliterate({ force: true });
  });
  return rate;
}

void t.test('throughput', { timeout: 3_600_000 }, async (t) => {
  const rates: Record<keyof typeof VARIANTS, number[]> = { plain: [], serial: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of ['plain', 'serial'] as const) rates[name].push(await measure(t, VARIANTS[name]));
  }
  const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  console.error(`${EVENTS} events, ${KEYS} keys, ${WORKERS} workers, ${WORK} ms each; events/s by round`);
  for (const [name, values] of Object.entries(rates)) {
    console.error(
      `${name.padEnd(7)} ${values.map((value) => value.toFixed(0)).join(' ')}  median ${median(values).toFixed(0)}`,
    );
  }
  console.error(`ratio ${(median(rates.serial) / median(rates.plain)).toFixed(2)}`);
});
