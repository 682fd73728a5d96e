/** A collector that refuses or hangs is told of once, and neither delays nor ends anything. */
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { untilState, until } from '../support/deliveries.js';
import { startHookline } from '../support/process.js';
import { openStore } from '../support/store.js';
import { startCollector } from './collector.js';

const LOST = 'the collector does not take traces; nothing else depends on it';

void t.test('refused, well again, then hanging to the end', async (t) => {
  const store = await openStore(t);
  const collector = await startCollector(t, 'fail');
  const petstore = createPetstoreSender({ secret: 'a-test-secret' });
  const hookline = await startHookline(t, {
    REDIS_URL: store.url,
    QUEUE_PREFIX: store.prefix,
    ...petstore.environment,
    OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
    OTEL_BSP_SCHEDULE_DELAY: '50',
    // Longer than the process may take to end.
    OTEL_EXPORTER_OTLP_TIMEOUT: '600000',
    OTEL_BSP_EXPORT_TIMEOUT: '600000',
    OTEL_TRACES_SAMPLER: 'no_such_sampler',
  });
  const deliver = async () => {
    const request = await petstore.request({ topic: 'pet.adopted', data: { pet: { id: 'pet_1' } } });
    const { status } = await post(hookline.address, request, { timeoutMs: 60_000 });
    if (status !== 200) throw new Error(String(status));
    await untilState(hookline.address, 'petstore', request.id, 'completed');
  };
  const said = (msg: string) => hookline.lines.filter((line) => line['msg'] === msg);

  for (let batches = 1; batches <= 3; batches += 1) {
    await deliver();
    await until('a batch', () => collector.requests.length >= batches);
  }
  await until('the line', () => said(LOST).length > 0);
  collector.answers = 'ok';
  await until('a batch that is taken', async () => {
    await deliver();
    return collector.spans.length > 0;
  });
  await until('the line', () => said('the collector takes traces again').length > 0);
  t.equal(said(LOST).length, 1);
  t.match(said(LOST), [{ level: 40, reason: /./ }]);
  t.match(said('the collector takes traces again'), [{ lost: Number }]);
  t.match(said('a setting of OpenTelemetry'), [{ reason: /no_such_sampler/ }]);

  collector.answers = 'hang';
  const before = collector.requests.length;
  await deliver();
  await until('one that hangs', () => collector.requests.length > before);
  await deliver();
  hookline.child.kill('SIGTERM');
  t.equal(await hookline.exited, 0);
  t.equal(said('stopped').length, 1, 'in order, and not because closing took too long');
});

void t.test('none there at all', async (t) => {
  const store = await openStore(t);
  const petstore = createPetstoreSender({ secret: 'a-test-secret' });
  const hookline = await startHookline(t, {
    REDIS_URL: store.url,
    QUEUE_PREFIX: store.prefix,
    ...petstore.environment,
    // The discard port.
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  });
  const request = await petstore.request({ topic: 'pet.adopted', data: { pet: { id: 'pet_1' } } });
  t.equal((await post(hookline.address, request, { timeoutMs: 60_000 })).status, 200);
  await untilState(hookline.address, 'petstore', request.id, 'completed');
  hookline.child.kill('SIGTERM');
  t.equal(await hookline.exited, 0);
  t.match(hookline.lines.at(-1), { msg: 'stopped' });
  t.notOk(hookline.lines.some(({ msg }) => String(msg).startsWith('closing took too long')));
});
