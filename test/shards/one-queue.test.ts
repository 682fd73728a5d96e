/** Handlers that ask for an order or a limit need all events of their source in one queue. */
import t from 'tap';
import { HandlersError } from '../../lib/handler.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { openHandlers } from '../cluster/support.js';
import { until } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

t.setTimeout(120_000);

const { environment } = createPetstoreSender({ secret: 'a-test-secret' });

for (const kind of ['ordered', 'limited']) {
  void t.test(`a handler of the kind ${kind} stops the start with several queues`, async (t) => {
    const { folder } = await openHandlers(t, [kind]);
    const store = await openStore(t);
    const start = (shards: Record<string, string>) =>
      startTestService(t, store, { ...environment, ...shards, HANDLERS_DIR: folder });
    const message = new RegExp(`${kind}.mjs.*spread over 6. Set PETSTORE_QUEUE_SHARDS=1`);
    await t.rejects(start({ QUEUE_SHARDS: '6' }), { name: HandlersError.name, message });
    await start({ QUEUE_SHARDS: '6', PETSTORE_QUEUE_SHARDS: '1' });
  });
}

void t.test('while such a worker runs, a receiver cannot spread its source', async (t) => {
  const { folder } = await openHandlers(t, ['ordered']);
  const store = await openStore(t);
  const worker = await startTestService(t, store, { ROLE: 'worker', HANDLERS_DIR: folder });
  const more = { ...environment, ROLE: 'receiver', QUEUE_SHARDS: '6' };
  const told = ({ lines }: typeof worker) =>
    lines.filter(
      ({ level, source, msg }) =>
        level === 50 && source === 'petstore' && /one queue|several/.test(String(msg)),
    );
  let receiver = await startTestService(t, store, more);
  await until('it to be refused', async () => {
    // The worker may not have said it yet.
    if (told(receiver).length > 0) return true;
    receiver = await startTestService(t, store, { ...environment, ROLE: 'receiver' });
    receiver = await startTestService(t, store, more);
    return told(receiver).length > 0;
  });
  t.match(told(receiver)[0]?.['msg'], /^QUEUE_SHARDS stays 1 for this source/);
});

void t.test(
  'such a worker takes all queues of a source that is spread, and says what that means',
  async (t) => {
    const { folder } = await openHandlers(t, ['ordered']);
    const store = await openStore(t);
    await startTestService(t, store, { ...environment, ROLE: 'receiver', QUEUE_SHARDS: '2' });
    const worker = await startTestService(t, store, { ROLE: 'worker', HANDLERS_DIR: folder });
    await until('it to say so', () =>
      worker.lines.some(
        ({ level, msg }) => level === 50 && String(msg).startsWith('this source is spread over several'),
      ),
    );
  },
);
