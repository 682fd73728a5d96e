/** One trace from the sender's request to the handler's own spans, through two processes, as a collector gets it. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import t from 'tap';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { post, type SignedRequest } from '../../senders/sender.js';
import { untilState, until } from '../support/deliveries.js';
import { startHookline } from '../support/process.js';
import { openStore, temporaryFolder } from '../support/store.js';
import { startCollector } from './collector.js';
import type { SeenSpan } from './otlp.js';

const called: Array<string | undefined> = [];
const shop = createServer((request, response) => {
  called.push(request.headers['traceparent'] as string | undefined);
  response.end();
}).listen(0, '127.0.0.1');
await once(shop, 'listening');
t.teardown(() => shop.close());

// In a folder with nothing installed above it, as a mounted one is.
const handlers = await temporaryFolder(t);
await writeFile(
  path.join(handlers, 'orders.mjs'),
  `import { trace } from '@opentelemetry/api';
   export default { source: 'pitchpoint', topic: '*', attempts: 5, backoff: { type: 'fixed', delay: 50 },
     async handle(event, ctx) {
       await trace.getTracer('shop').startActiveSpan('reserve stock', async (span) => {
         await fetch('http://127.0.0.1:${(shop.address() as AddressInfo).port}', { headers: ctx.traceHeaders });
         span.end();
       });
       if (event.topic === 'orders/late' && ctx.attempt < 3) throw new RangeError('error-text-marker');
     } };`,
);
const pitchpoint = await startPitchpointSender();
t.teardown(() => pitchpoint.close());
const store = await openStore(t);
const collector = await startCollector(t);
const shared = {
  REDIS_URL: store.url,
  QUEUE_PREFIX: store.prefix,
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=of-the-collector',
  OTEL_BSP_SCHEDULE_DELAY: '100',
  // Of those whose sender has not decided, none.
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
  OTEL_TRACES_SAMPLER_ARG: '0',
};
const [receiver, worker] = await Promise.all([
  startHookline(t, {
    ...shared,
    ...pitchpoint.environment,
    ROLE: 'receiver',
    OTEL_SERVICE_NAME: 'the-receiver',
  }),
  startHookline(t, { ...shared, ROLE: 'worker', HANDLERS_DIR: handlers, OTEL_SERVICE_NAME: 'the-worker' }),
]);

async function deliver(topic: string, headers: Record<string, string> = {}): Promise<SignedRequest> {
  const request = await pitchpoint.request({
    topic,
    tenantId: 'tenant-marker',
    data: { note: 'body-marker' },
  });
  const sent = { ...request, headers: { ...request.headers, ...headers } };
  const { status } = await post(receiver.address, sent, { timeoutMs: 60_000 });
  if (status !== 200) throw new Error(String(status));
  await untilState(receiver.address, 'pitchpoint', request.id, 'completed');
  return request;
}

function newTrace(flags: string) {
  const [traceId, parentId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, parentId, traceparent: `00-${traceId}-${parentId}-${flags}` };
}

const named = (spans: SeenSpan[], name: string) => spans.filter((span) => span.name === name);

void t.test('request, enqueue, wait, three attempts and what the handler did are one trace', async (t) => {
  const { traceId, parentId, traceparent } = newTrace('01');
  const { id, headers } = await deliver('orders/late', { traceparent, tracestate: 'vendor=1' });
  const inTrace = () => collector.spans.filter((span) => span.traceId === traceId);
  await until('all spans to arrive', () => inTrace().length >= 9);
  const spans = inTrace();
  t.equal(spans.length, 9, spans.map(({ name }) => name).join(', '));

  const [request] = named(spans, 'POST /webhooks/:source');
  t.match(request, { parentId, kind: 2, service: 'the-receiver', status: 0 });
  t.match(request?.attributes, {
    'http.request.method': 'POST',
    'http.route': '/webhooks/:source',
    'http.response.status_code': 200,
    'hookline.outcome': 'accepted',
  });
  const [send] = named(spans, 'send pitchpoint');
  t.match(send, { parentId: request?.spanId, kind: 4, service: 'the-receiver' });
  t.match(send?.attributes, { 'messaging.message.id': id, 'hookline.topic': 'orders/late' });
  const [wait] = named(spans, 'wait pitchpoint');
  t.match(wait, { parentId: send?.spanId, service: 'the-worker' });

  const attempts = named(spans, 'process pitchpoint').toSorted((a, b) => a.start - b.start);
  t.match(
    attempts,
    [1, 2, 3].map(() => ({ parentId: send?.spanId, kind: 5, service: 'the-worker' })),
  );
  t.same(
    attempts.map(({ attributes }) => [attributes['hookline.attempt'], attributes['hookline.outcome']]),
    [
      [1, 'retried'],
      [2, 'retried'],
      [3, 'completed'],
    ],
  );
  t.same(
    attempts.map(({ events, status }) => [events.map(({ name }) => name), status]),
    [
      [['retry'], 2],
      [['retry'], 2],
      [[], 0],
    ],
    'retries are events of the trace',
  );
  t.equal(attempts[0]?.attributes['error.type'], 'RangeError');
  t.ok((wait?.end ?? 0) <= (attempts[0]?.start ?? 0) + 1, 'the wait ends where the first attempt begins');

  const own = named(spans, 'reserve stock');
  t.match(own, [{ scope: 'shop' }, { scope: 'shop' }, { scope: 'shop' }]);
  t.same(new Set(own.map((span) => span.parentId)), new Set(attempts.map(({ spanId }) => spanId)));
  t.same(
    called.splice(0),
    attempts.map(({ spanId }) => `00-${traceId}-${spanId}-01`),
    "the handler's own requests bear it",
  );

  const sent = collector.bodies.map((body) => body.toString('latin1')).join();
  t.ok(sent.includes(id), 'the search finds what is there');
  const token = String(headers['Authorization'] ?? headers['authorization']).slice('Bearer '.length);
  const secrets = { body: 'body-marker', tenant: 'tenant-marker', error: 'error-text-marker', token };
  for (const [what, text] of Object.entries(secrets)) t.notOk(sent.includes(text), `no ${what}`);
  t.match(collector.requests[0], { path: '/v1/traces', headers: { 'x-api-key': 'of-the-collector' } });
});

void t.test('what nobody samples is not sent, and has one trace id in both logs', async (t) => {
  const { id } = await deliver('orders/placed');
  const of = (lines: Array<Record<string, unknown>>, msg: string) =>
    lines.find((line) => line['id'] === id && line['msg'] === msg);
  await until('both lines', () => !!of(receiver.lines, 'accepted') && !!of(worker.lines, 'handled'));
  const received = of(receiver.lines, 'accepted');
  const handled = of(worker.lines, 'handled');
  t.match(received, { source: 'pitchpoint', topic: 'orders/placed', outcome: 'accepted', ms: Number });
  t.match(handled, {
    source: 'pitchpoint',
    topic: 'orders/placed',
    outcome: 'completed',
    ms: Number,
    attempt: 1,
  });
  t.match(received?.['traceId'], /^[\da-f]{32}$/);
  t.equal(handled?.['traceId'], received?.['traceId']);
  t.match(called.splice(0), [`00-${String(received?.['traceId'])}-`], 'nor is it sampled further on');
  // A later one that is sampled has come, so the earlier one would have.
  const later = newTrace('01');
  await deliver('orders/placed', { traceparent: later.traceparent });
  await until(
    'the later',
    () => collector.spans.filter((span) => span.traceId === later.traceId).length >= 5,
  );
  t.notOk(collector.spans.some((span) => span.traceId === received?.['traceId']));
});

void t.test(
  'a trace that makes no sense is not joined, and one that is not authentic not begun',
  async (t) => {
    const senseless = newTrace('01').traceparent.replace(/^00/, 'ff');
    const { id } = await deliver('orders/placed', { traceparent: senseless });
    const forged = newTrace('01');
    const request = await pitchpoint.request({ topic: 'orders/placed', data: {} }, { tamper: 'token' });
    const sent = { ...request, headers: { ...request.headers, traceparent: forged.traceparent } };
    t.equal((await post(receiver.address, sent, { timeoutMs: 60_000 })).status, 403);
    const refused = () => receiver.lines.find((line) => line['outcome'] === 'refused');
    await until('its line', () => refused() !== undefined);
    t.equal(refused()?.['traceId'], forged.traceId);
    t.not(receiver.lines.find((line) => line['id'] === id)?.['traceId'], senseless.slice(3, 35));
    const later = newTrace('01');
    await deliver('orders/placed', { traceparent: later.traceparent });
    await until('the later', () => collector.spans.some((span) => span.traceId === later.traceId));
    t.notOk(collector.spans.some((span) => span.traceId === forged.traceId));
  },
);

void t.test('what is left is sent at the end', async (t) => {
  const { traceId, traceparent } = newTrace('01');
  await deliver('orders/placed', { traceparent });
  receiver.child.kill('SIGTERM');
  worker.child.kill('SIGTERM');
  t.same(await Promise.all([receiver.exited, worker.exited]), [0, 0]);
  t.equal(collector.spans.filter((span) => span.traceId === traceId).length, 5);
});
