/** A Cluster loses the node that has the queue, and moves the slot of the queue, while deliveries come. */
import t, { type Test } from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { until } from '../support/deliveries.js';
import { allTaken, openLoad, tally } from '../support/load.js';
import { startTestService } from '../support/service.js';
import { startCluster } from './cluster.js';
import { openHandlers, timesHandled } from './support.js';
import { noRedis } from '../support/redis-program.js';

t.setTimeout(300_000);

const sender = createPetstoreSender({ secret: 'a-test-secret' });

/** Deliveries that come all the time, on a Cluster of the test's own. */
async function begin(t: Test) {
  const cluster = await startCluster(t);
  const { folder, ledger } = await openHandlers(t);
  const environment = { ...sender.environment, HANDLERS_DIR: folder, ACCEPT_TIMEOUT: '1s' };
  const service = await startTestService(t, { url: cluster.url, prefix: 'shop' }, environment);
  const load = openLoad(t, { addresses: [service.address], connections: 10 });
  const stop = load.sendSteadily(() => sender.request({ topic: 'any', data: {} }), 50);
  const came = (status: string, more: number) => {
    const before = tally(load.answers)[status] ?? 0;
    return until(`${more} more ${status}`, () => (tally(load.answers)[status] ?? 0) >= before + more);
  };
  await came('accepted', 20);

  /** Every id was answered 200 at once, and is handled in the end. */
  async function end(): Promise<void> {
    await stop();
    t.comment(JSON.stringify(tally(load.answers)));
    allTaken(t, load);
    const ids = [...load.answers.keys()];
    await until('all to be handled', () => timesHandled(ledger, ids).every((times) => times > 0), 60_000);
    t.ok(ids.length >= 40, `${ids.length} events`);
  }
  return { cluster, came, end };
}

void t.test('the node of the queue is killed and comes back', { skip: noRedis }, async (t) => {
  const { cluster, came, end } = await begin(t);
  const home = await cluster.homeOf('{shop}');
  await home.kill();
  await came('spooled', 20);
  await home.start();
  await came('accepted', 20);
  await end();
});

void t.test('the slot of the queue is moved', { skip: noRedis }, async (t) => {
  const { cluster, came, end } = await begin(t);
  const home = await cluster.homeOf('{shop}');
  const other = cluster.nodes.find((node) => node !== home);
  if (!other) throw new Error('there is one node only');
  await cluster.move('{shop}', other);
  t.equal(await cluster.homeOf('{shop}'), other);
  await came('accepted', 20);
  await end();
  const left = (await home.tell('KEYS', '{shop}*')) as string[];
  t.same(left, [], 'nothing is left where it was');
});
