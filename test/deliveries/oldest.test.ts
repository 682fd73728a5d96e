/** How long the first of a queue has waited, and that a job without its worker is counted. */
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import t from 'tap';
import { makeDelivery } from '../../lib/delivery.js';
import { oldestWaiting } from '../../lib/deliveries/oldest.js';
import { keyOf, queueOf, type DeliveryStore } from '../../lib/deliveries/store.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { until } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';
import { openDeliveries } from './support.js';

const HOUR = 3_600_000;
const sender = createPetstoreSender({ secret: 'a-test-secret' });

/** Accepts an event as if it had come so long ago (milliseconds). Answers its job's id. */
async function accept(store: DeliveryStore, id: string, ago: number): Promise<string> {
  const { body } = await sender.request({ topic: 'pet.adopted', data: {} }, { id });
  const raw = { body, headers: {} };
  const delivery = makeDelivery('petstore', raw, { id, topic: 'pet.adopted' }, new Date(Date.now() - ago));
  return (await queueOf(store, 'petstore').accept(delivery)).jobId;
}

void t.test('the first of a queue', async (t) => {
  const store = await openDeliveries(t, await openStore(t));
  const isAbout = async (expected: number, name: string) => {
    const seconds = await oldestWaiting(store, 'petstore');
    t.ok(Math.abs(seconds - expected) < 60, `${name}: ${seconds}`);
  };
  t.equal(await oldestWaiting(store, 'petstore'), 0, 'of an empty one');
  const first = await accept(store, 'first', 2 * HOUR);
  await isAbout(7_200, 'one alone');
  await accept(store, 'second', HOUR);
  await isAbout(7_200, 'the first of two');
  const key = keyOf(store, { source: 'petstore', shard: 0 }, first);
  const data = (await store.redis.hget(key, 'data')) ?? '';
  const replay = { count: 1, at: new Date(Date.now() - HOUR / 2).toISOString(), by: 'cli:test' };
  await store.redis.hset(key, 'data', `{"replay":${JSON.stringify(replay)},${data.slice(1)}`);
  await isAbout(1_800, 'a replay waits since then');
  await store.redis.rpop(keyOf(store, { source: 'petstore', shard: 0 }, 'wait'));
  await isAbout(3_600, 'the next one');
});

void t.test('a worker that hangs', async (t) => {
  const store = await openStore(t);
  const deliveries = await openDeliveries(t, store);
  const jobId = await accept(deliveries, 'in-the-hand-of-the-dead', 0);
  const connection = new Redis(store.url, { maxRetriesPerRequest: null });
  const dead = new Worker('petstore', null, {
    connection,
    prefix: store.prefix,
    lockDuration: 1_000,
    autorun: false,
  });
  t.teardown(async () => {
    await dead.close(true);
    connection.disconnect();
  });
  t.equal((await dead.getNextJob('token', { block: false }))?.id, jobId);

  const { address } = await startTestService(t, store, { ...sender.environment, SHUTDOWN_TIMEOUT: '100ms' });
  const metrics = async () => (await fetch(`${address}/metrics`)).text();
  await until(
    'the job to be found',
    async () => (await metrics()).includes('hookline_stalled_total{source="petstore"} 1'),
    60_000,
  );
  await until('it to be handled', async () =>
    (await metrics()).includes('hookline_arrival_to_handled_seconds_count{source="petstore"} 1'),
  );
});
