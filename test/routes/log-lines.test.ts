/** The log answers "where is this event?": one line for each delivery and each attempt, and none while nothing comes. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { startPceSender } from '../../senders/pce.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { post, type Sender } from '../../senders/sender.js';
import { until, untilState } from '../support/deliveries.js';
import { startTestService, type TestService } from '../support/service.js';
import { openStore, temporaryFolder } from '../support/store.js';

const store = await openStore(t);
const petstore = createPetstoreSender({ secret: 'a-test-secret' });
const senders: Sender[] = [petstore, await startPitchpointSender(), await startPceSender()];
t.teardown(() => Promise.all(senders.map((sender) => sender.close())));
const handlers = await temporaryFolder(t);
for (const { source } of senders)
  await writeFile(
    path.join(handlers, `${source}.mjs`),
    `let failed = false;
     export default { source: '${source}', topic: 'orders.*', attempts: 2, backoff: { delay: 0 }, handle() {
       if (!failed) { failed = true; throw new Error('not at first'); }
     } };`,
  );
const service = await startTestService(t, store, {
  ...Object.assign({}, ...senders.map(({ environment }) => environment)),
  HANDLERS_DIR: handlers,
  SHUTDOWN_TIMEOUT: '100ms',
});

const OUTCOME = { level: Number, ms: Number };

function linesOf({ lines }: TestService, fields: Record<string, unknown>) {
  return lines.filter((line) => Object.entries(fields).every(([name, value]) => line[name] === value));
}

for (const sender of senders) {
  const { source } = sender;
  void t.test(source, async (t) => {
    const topic = 'orders.placed';
    const request = await sender.request({ topic, data: { eventType: topic } });
    const { id } = request;
    for (let times = 0; times < 2; times += 1) await post(service.address, request, { timeoutMs: 20_000 });
    await untilState(service.address, source, id, 'completed');
    await until('the last attempt to be logged', () => linesOf(service, { id, msg: 'handled' }).length > 0);

    const about = linesOf(service, { source, id, topic }).filter(({ level }) => Number(level) >= 30);
    const attempts = about.filter((line) => 'attempt' in line);
    const deliveries = about.filter((line) => !('attempt' in line));
    t.match(
      deliveries,
      [
        { ...OUTCOME, outcome: 'accepted', jobId: String },
        { ...OUTCOME, outcome: 'duplicate', jobId: String },
      ],
      'a line for each delivery',
    );
    t.match(
      attempts,
      [
        { ...OUTCOME, attempt: 1, outcome: 'retried', jobId: deliveries[0]?.['jobId'] },
        { ...OUTCOME, attempt: 2, outcome: 'completed', jobId: deliveries[0]?.['jobId'] },
      ],
      'a line for each attempt',
    );
    t.equal(about.length, 4);

    const forged = await sender.request({ topic, data: {} }, { tamper: 'token' });
    await post(service.address, forged, { timeoutMs: 20_000 });
    const refused = linesOf(service, { source, outcome: 'refused' });
    t.match(
      refused,
      [{ ...OUTCOME, cause: String, detail: String, address: '127.0.0.1' }],
      'why it was refused',
    );
    t.notMatch(JSON.stringify(service.lines), forged.id, 'what a forger says is not repeated');
  });
}

void t.test('keys that were fetched are counted', async (t) => {
  const metrics = await (await fetch(`${service.address}/metrics`)).text();
  for (const source of ['pitchpoint', 'pce'])
    t.match(
      metrics,
      new RegExp(`^hookline_key_fetches_total\\{source="${source}",outcome="ok"\\} [1-9]`, 'm'),
    );
});

void t.test('a delivery that cannot be taken is named as well', async (t) => {
  const lone = await startTestService(t, store, {
    ...petstore.environment,
    REDIS_URL: 'redis://127.0.0.1:1',
    SPOOL_MAX: '0',
    ROLE: 'receiver',
    SHUTDOWN_TIMEOUT: '100ms',
  });
  const request = await petstore.request({ topic: 'orders.placed', data: {} });
  const { status } = await post(lone.address, request, { timeoutMs: 20_000 });
  t.equal(status, 503);
  t.match(linesOf(lone, { outcome: 'unavailable' }), [
    { ...OUTCOME, level: 40, id: request.id, topic: 'orders.placed', code: 'HKL_ERR_STORE_UNAVAILABLE' },
  ]);
});

void t.test('without deliveries there is nothing to say', async (t) => {
  const before = service.lines.length;
  for (const path of ['/metrics', '/health/live', '/health/ready', '/admin/api/deliveries', '/nowhere'])
    await (await fetch(service.address + path)).text();
  t.same(
    service.lines.slice(before).filter(({ level }) => Number(level) >= 30),
    [],
  );
});
