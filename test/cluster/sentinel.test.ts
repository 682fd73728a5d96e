/** The primary is killed and the Sentinels make another: what waited for a replica is not lost. */
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { until } from '../support/deliveries.js';
import { allTaken, openLoad, tally } from '../support/load.js';
import { startTestService } from '../support/service.js';
import { startSentinels } from './sentinel.js';
import { openHandlers, timesHandled } from './support.js';
import { noRedis } from '../support/redis-program.js';

t.setTimeout(300_000);

void t.test('failover under load', { skip: noRedis }, async (t) => {
  const sender = createPetstoreSender({ secret: 'a-test-secret' });
  const sentinels = await startSentinels(t);
  const { folder, ledger } = await openHandlers(t);
  const environment = {
    ...sender.environment,
    HANDLERS_DIR: folder,
    ACCEPT_TIMEOUT: '1s',
    DURABILITY: 'replica',
  };
  const service = await startTestService(t, { url: sentinels.url, prefix: 'shop' }, environment);
  const load = openLoad(t, { addresses: [service.address], connections: 10 });
  const stop = load.sendSteadily(() => sender.request({ topic: 'any', data: {} }), 50);
  const accepted = () => tally(load.answers)['accepted'] ?? 0;
  await until('deliveries to be accepted', () => accepted() > 20);

  const [primary] = sentinels.servers;
  await primary?.kill();
  await until('another primary', async () => (await sentinels.primary()) !== primary?.port, 60_000);
  const before = accepted();
  await until('deliveries to be accepted by it', () => accepted() > before + 20, 60_000);

  await stop();
  t.comment(JSON.stringify(tally(load.answers)));
  allTaken(t, load);
  t.ok(tally(load.answers)['spooled'], 'some came meanwhile');
  const ids = [...load.answers.keys()];
  await until('all to be handled', () => timesHandled(ledger, ids).every((times) => times > 0), 60_000);
  t.ok(ids.length > 40, `${ids.length} events`);
});
