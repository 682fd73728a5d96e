/** Handlers that ask for an order or a limit need all events of their source in one queue. */
import { Redis } from 'ioredis';
import t from 'tap';
import { HandlersError } from '../../lib/handler.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { openHandlers } from '../cluster/support.js';
import { until } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

t.setTimeout(120_000);

const server = await openStore(t);
let count = 0;
const own = () => ({ ...server, prefix: `${server.prefix}-${(count += 1)}` });
const { environment } = createPetstoreSender({ secret: 'a-test-secret' });

for (const kind of ['ordered', 'limited']) {
  void t.test(`a handler of the kind ${kind} stops the start with several queues`, async (t) => {
    const { folder } = await openHandlers(t, [kind]);
    const store = own();
    const start = (shards: Record<string, string>) =>
      startTestService(t, store, { ...environment, ...shards, HANDLERS_DIR: folder });
    const message = new RegExp(`${kind}.mjs.*spread over 6. Set PETSTORE_QUEUE_SHARDS=1`);
    await t.rejects(start({ QUEUE_SHARDS: '6' }), { name: HandlersError.name, message });
    await start({ QUEUE_SHARDS: '6', PETSTORE_QUEUE_SHARDS: '1' });
  });
}

void t.test('while such a worker runs, a receiver cannot spread its source', async (t) => {
  const { folder } = await openHandlers(t, ['ordered']);
  const store = own();
  await startTestService(t, store, { ROLE: 'worker', HANDLERS_DIR: folder });
  const redis = new Redis(store.url);
  t.teardown(() => redis.disconnect());
  const word = `${store.prefix}:petstore:one-queue`;
  await until('the worker to say so', async () => (await redis.exists(word)) === 1);
  const receiver = { ...environment, ROLE: 'receiver', QUEUE_SHARDS: '6' };
  const { lines } = await startTestService(t, store, receiver);
  const told = lines.filter(({ level, source }) => level === 50 && source === 'petstore');
  t.match(told, [{ msg: /^QUEUE_SHARDS stays 1 for this source/ }]);
});

void t.test('such a worker that comes to a spread source says what that means', async (t) => {
  const { folder } = await openHandlers(t, ['ordered']);
  const store = own();
  await startTestService(t, store, { ...environment, ROLE: 'receiver', QUEUE_SHARDS: '2' });
  const { lines } = await startTestService(t, store, { ROLE: 'worker', HANDLERS_DIR: folder });
  const said = ({ level, msg }: Record<string, unknown>) =>
    level === 50 && String(msg).startsWith('this source is spread over several queues');
  await until('it to say so', () => lines.some(said));
});
