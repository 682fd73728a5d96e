/** `/admin/api/overview` and a delivery's content, on real deliveries. */
import { randomUUID } from 'node:crypto';
import t from 'tap';
import type { DeliveryContent } from '../../lib/deliveries/schema.js';
import type { Overview, SourceOverview } from '../../lib/overview/schema.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { post, type RequestOptions } from '../../senders/sender.js';
import { until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const store = await openStore(t);
const petstore = createPetstoreSender({ secret: 'a-test-secret' });
const pitchpoint = await startPitchpointSender();
t.teardown(() => pitchpoint.close());
const ENVIRONMENT = {
  ...petstore.environment,
  ...pitchpoint.environment,
  PCE_TOPIC_ARNS: 'arn:aws:sns:us-east-1:123456789012:events',
  REDACT: 'Email, street',
  SHUTDOWN_TIMEOUT: '100ms',
};

async function send(address: string, data: unknown, options: RequestOptions = {}): Promise<number> {
  const request = await petstore.request({ topic: 'pet.adopted', data }, options);
  return (await post(address, request, { timeoutMs: 10_000 })).status;
}

async function overviewOf(address: string): Promise<Overview> {
  return (await (await fetch(`${address}/admin/api/overview`)).json()) as Overview;
}

function sourceIn({ sources }: Overview, name: string): SourceOverview {
  return sources.find(({ source }) => source === name) as SourceOverview;
}

void t.test('what two receivers did in the last hour, together', async (t) => {
  const first = await startTestService(t, store, ENVIRONMENT);
  const second = await startTestService(t, store, { ...ENVIRONMENT, ROLE: 'receiver' });
  const empty = await overviewOf(first.address);
  t.match(sourceIn(empty, 'petstore'), {
    enabled: true,
    lastDeliveryAt: null,
    deadlineSeconds: 5,
    trust: [],
    oldestWaitingSeconds: 0,
    hour: { accepted: 0, refused: 0, p50: null, p99: null, refusals: {} },
  });
  t.match(sourceIn(empty, 'pce'), {
    deadlineSeconds: 15,
    trust: [
      { what: /^subscription arn:/, state: 'unknown', at: null, detail: /^not-seen\. Create the webhook/ },
    ],
  });

  const id = randomUUID();
  for (const { address } of [first, second]) {
    await send(address, {});
    await send(address, {}, { id });
    t.equal(await send(address, {}, { tamper: 'signature' }), 401);
  }
  const told = async () => sourceIn(await overviewOf(first.address), 'petstore').hour;
  await until('both to have told', async () => {
    const { accepted, duplicate, refused } = await told();
    return accepted + duplicate + refused === 6;
  });
  const hour = await told();
  t.match(hour, { accepted: 3, duplicate: 1, refused: 2, spooled: 0, unavailable: 0 });
  t.equal(
    Object.values(hour.refusals).reduce((sum, count) => sum + count, 0),
    2,
  );
  t.ok(hour.p50 !== null && hour.p99 !== null && hour.p50 <= hour.p99, `${hour.p50} s, ${hour.p99} s`);

  const overview = await overviewOf(second.address);
  const source = sourceIn(overview, 'petstore');
  t.equal(source.minutes.length, 60);
  t.equal(
    source.minutes.reduce((sum, { accepted }) => sum + accepted, 0),
    3,
  );
  t.ok(Date.now() - Date.parse(String(source.lastDeliveryAt)) < 60_000);
  t.match(sourceIn(overview, 'pitchpoint').trust, [{ what: 'keys', state: 'ok' }]);
  t.match(overview, { readOnly: false, spool: { state: 'ok', events: 0 } });
});

void t.test('what is counted while the service ends is not lost', async (t) => {
  const prefix = `${store.prefix}-end`;
  const ending = await startTestService(t, store, { ...ENVIRONMENT, QUEUE_PREFIX: prefix });
  await send(ending.address, {});
  await ending.close();
  const next = await startTestService(t, store, { ...ENVIRONMENT, QUEUE_PREFIX: prefix });
  t.equal(sourceIn(await overviewOf(next.address), 'petstore').hour.accepted, 1);
});

void t.test('what a delivery says, masked', async (t) => {
  const { address } = await startTestService(t, store, ENVIRONMENT);
  const contentOf = async (id: string) => {
    const answer = await fetch(`${address}/admin/api/deliveries/petstore/${id}/content`);
    return { status: answer.status, ...((await answer.json()) as DeliveryContent) };
  };
  const id = randomUUID();
  await send(address, { pet: 'Ada', EMAIL: 'a@b.example', in: { Street: 'x', token: 'y' } }, { id });
  await untilState(address, 'petstore', id);
  const { headers, payload, note } = await contentOf(id);
  t.match(payload, { id, data: { pet: 'Ada', EMAIL: '***', in: { Street: '***', token: '***' } } });
  t.equal(note, null);
  t.match(headers, { 'content-type': /json/ });
  t.notMatch(JSON.stringify(headers), /signature|sha256=/);

  for (const [rawBody, said] of [
    ['no JSON', /^7 characters that are not JSON/],
    [Buffer.of(0xff, 0xfe, 0xfd), /^3 bytes that are no text/],
    [`{"id":"large","data":"${'x'.repeat(1024 ** 2)}"}`, /^\d+ characters: too many to show/],
  ] as const) {
    const request = await petstore.request({ topic: 'x', data: {} }, { rawBody: Buffer.from(rawBody) });
    const { body } = await post(address, request, { timeoutMs: 10_000 });
    t.match(await contentOf((JSON.parse(body) as { id: string }).id), {
      status: 200,
      payload: null,
      note: said,
    });
  }
  t.match(await contentOf('nobody'), { status: 404 });
  const board = await fetch(
    `${address}/admin/queues/api/queues?activeQueue=petstore&status=completed&page=1`,
  );
  t.notMatch(await board.text(), /a@b\.example/, 'nor in the dashboard');
});
