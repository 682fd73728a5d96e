/** What waits on the disk, and what an operator replays, stays in its trace. */
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { makeRelay } from '../process/relay.js';
import { untilState, until } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';
import { startCollector } from './collector.js';

void t.test('spooled, handled and replayed in one trace', async (t) => {
  const store = await openStore(t);
  const relay = await makeRelay(t, store.url);
  await relay.open();
  const collector = await startCollector(t);
  const petstore = createPetstoreSender({ secret: 'a-test-secret' });
  const service = await startTestService(
    t,
    { ...store, url: relay.url },
    {
      ...petstore.environment,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/elsewhere`,
      ACCEPT_TIMEOUT: '500ms',
    },
  );
  const forged = await petstore.request({ topic: 'pet.adopted', data: {} }, { tamper: 'signature' });
  const asking = { ...forged.headers, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
  t.equal((await post(service.address, { ...forged, headers: asking }, { timeoutMs: 60_000 })).status, 401);
  await relay.shut();
  const request = await petstore.request({ topic: 'pet.adopted', data: { pet: { id: 'pet_1' } } });
  const { status } = await post(service.address, request, { timeoutMs: 60_000 });
  t.equal(status, 200);
  await relay.open();
  await until('Redis to be asked again', async () => (await fetch(`${service.address}/health/ready`)).ok);
  await until('the drain', () =>
    service.lines.some(({ msg }) => String(msg).startsWith('the spool is drained')),
  );
  await untilState(service.address, 'petstore', request.id, 'completed');
  const replay = `${service.address}/admin/api/deliveries/petstore/${request.id}/replay`;
  const replayed = await fetch(replay, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ force: true }),
  });
  t.ok(replayed.ok, await replayed.text());
  const handled = () => service.lines.filter(({ id, msg }) => id === request.id && msg === 'handled');
  await until('both runs', () => handled().length === 2);
  await service.close();

  t.equal(collector.requests[0]?.path, '/elsewhere');
  t.equal(new Set(collector.spans.map(({ traceId }) => traceId)).size, 1, 'and none of the forged one');
  const names = collector.spans.map(({ name }) => name).toSorted();
  t.same(names, [
    'POST /webhooks/:source',
    'process petstore',
    'process petstore',
    'send petstore',
    'wait petstore',
    'wait petstore',
  ]);
  const send = collector.spans.find(({ name }) => name === 'send petstore');
  t.equal(send?.attributes['hookline.outcome'], 'spooled');
  t.equal(send?.service, 'hookline', 'unless OTEL_SERVICE_NAME says otherwise');
  for (const line of handled()) t.equal(line['traceId'], send?.traceId);
  const waits = collector.spans.filter(({ name }) => name === 'wait petstore');
  for (const wait of waits) t.equal(wait.parentId, send?.spanId);
});
