/** What a handler is given: the event as it was sent, and no credential. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import t from 'tap';
import { startPceSender } from '../../senders/pce.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { post, type SignedRequest } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const recorder = (source: string) => `
  import { appendFileSync } from 'node:fs';
  export default { source: '${source}', topic: '*', attempts: 4, async handle(event, ctx) {
    ctx.log.info({ extra: 'from the handler' }, 'handler says');
    const { signal, log, ...rest } = ctx;
    appendFileSync(new URL('seen.jsonl', import.meta.url), JSON.stringify({ event, ctx: {
      ...rest, aborted: signal.aborted, isSignal: signal instanceof AbortSignal,
      log: ['trace', 'debug', 'info', 'warn', 'error'].every((level) => typeof log[level] === 'function'),
    } }) + '\\n');
  } };`;
const folder = t.testdir(
  Object.fromEntries(['pce', 'petstore', 'pitchpoint'].map((name) => [`${name}.mjs`, recorder(name)])),
);
const petstore = createPetstoreSender({ secret: 'a-test-secret' });
const pitchpoint = await startPitchpointSender();
const pce = await startPceSender({ basic: { user: 'pce', password: 'p4ss' } });
t.teardown(() => Promise.all([pitchpoint.close(), pce.close()]));
const store = await openStore(t);
const { address, lines } = await startTestService(t, store, {
  ...petstore.environment,
  ...pitchpoint.environment,
  ...pce.environment,
  HANDLERS_DIR: folder,
  SHUTDOWN_TIMEOUT: '100ms',
});

interface Seen {
  event: Record<string, unknown> & { headers: Record<string, string>; rawBody: string };
  ctx: Record<string, unknown>;
}

async function handled(request: SignedRequest, headers: Record<string, string> = {}): Promise<Seen> {
  const source = request.path.slice('/webhooks/'.length);
  const sent = { ...request, headers: { ...request.headers, ...headers } };
  const { status } = await post(address, sent, { timeoutMs: 10_000 });
  if (status !== 200) throw new Error(String(status));
  await untilState(address, source, request.id, 'completed');
  const seen = readFileSync(path.join(folder, 'seen.jsonl'), 'utf8').split('\n').filter(Boolean);
  const own = seen.map((line) => JSON.parse(line) as Seen).find(({ event }) => event['id'] === request.id);
  if (!own) throw new Error('the handler did not see it');
  return own;
}

void t.test('the event', async (t) => {
  const request = await pitchpoint.request(
    {
      topic: 'orders/placed',
      subTopic: 'product:adv/adv-120',
      tenantId: 'OU1243',
      data: { name: 'é 日本 🐶\u2028' },
    },
    { triggeredAt: '2024-01-1T10:00:00.7777748Z' },
  );
  const { event } = await handled(request);
  const { receivedAt, headers, ...rest } = event;
  t.same(rest, {
    id: request.id,
    source: 'pitchpoint',
    topic: 'orders/placed',
    subTopic: 'product:adv/adv-120',
    tenantId: 'OU1243',
    triggeredAt: '2024-01-1T10:00:00.7777748Z',
    triggeredAtMs: Date.UTC(2024, 0, 1, 10, 0, 0, 777),
    payload: { name: 'é 日本 🐶\u2028' },
    rawBody: request.body.toString(),
  });
  t.match(receivedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.ok(Math.abs(Date.now() - Date.parse(String(receivedAt))) < 60_000);
  t.match(headers, { 'x-pps-topic': 'orders/placed', 'content-type': 'application/json' });
});

void t.test('what a source does not say is null', async (t) => {
  const { event } = await handled(
    await petstore.request({ topic: 'pet.adopted', data: {} }, { triggeredAt: 'soon' }),
  );
  t.match(event, { subTopic: null, tenantId: null, triggeredAt: 'soon', triggeredAtMs: null });
});

void t.test('of SNS the payload is the message inside, the raw body all of it', async (t) => {
  const request = await pce.request({ topic: 'Settled', data: { eventType: 'Settled', amount: 12 } });
  const { event } = await handled(request);
  t.match(event, { topic: 'Settled', payload: { eventType: 'Settled', amount: 12 } });
  t.equal(event.rawBody, request.body.toString());
  const text = await pce.request({
    topic: 'Maintenance',
    subject: 'Maintenance',
    data: 'Tomorrow at 2.\nBye',
  });
  t.match((await handled(text)).event, { topic: 'Maintenance', payload: 'Tomorrow at 2.\nBye' });
});

void t.test('headers never hold a credential', async (t) => {
  const credentials = {
    'Proxy-Authorization': 'Basic p4ss',
    Cookie: 'session=p4ss',
    'X-Api-Key': 'p4ss',
    'X-Auth-Token': 'p4ss',
    'X-Amz-Security-Token': 'p4ss',
    'X-Client-Secret': 'p4ss',
    'X-Hub-Signature-256': 'sha256=p4ss',
  };
  const requests = [
    await petstore.request({ topic: 'pet.adopted', data: {} }),
    await petstore.request({ topic: 'pet.adopted', data: {}, spelling: 'reference' }),
    await pitchpoint.request({ topic: 'orders/placed', data: {} }),
    await pce.request({ topic: 'Settled', data: {} }),
  ];
  for (const request of requests) {
    const extra = { ...credentials, 'X-Plain': 'plain', 'User-Agent': 'an agent' };
    const { headers } = (await handled(request, extra)).event;
    t.match(headers, { 'x-plain': 'plain', 'user-agent': 'an agent' }, request.path);
    t.notMatch(JSON.stringify(headers), /p4ss|sha256=|bearer|basic/i, request.path);
    const names = Object.keys(headers).join();
    t.notMatch(names, /authorization|cookie|signature|token|secret|api-key/, request.path);
    t.equal(names, names.toLowerCase());
  }
});

void t.test('the content type as it was sent', async (t) => {
  const request = await petstore.request({ topic: 'pet.adopted', data: {} });
  const { headers } = (await handled(request, { 'Content-Type': 'json' })).event;
  t.equal(headers['content-type'], 'json');
});

void t.test('ctx', async (t) => {
  const request = await petstore.request({ topic: 'pet.adopted', data: {} }, { id: randomUUID() });
  const { ctx } = await handled(request);
  const { jobId } = await untilState(address, 'petstore', request.id);
  const plain = { aborted: false, isSignal: true, log: true, traceHeaders: {} };
  t.same(ctx, { attempt: 1, maxAttempts: 4, jobId, ...plain });
  const line = lines.find(({ id, msg }) => id === request.id && msg === 'handler says');
  t.match(line, {
    source: 'petstore',
    topic: 'pet.adopted',
    id: request.id,
    jobId: String(jobId),
    attempt: 1,
    extra: 'from the handler',
  });
});

void t.test('no body and no secret is logged', async (t) => {
  t.notMatch(JSON.stringify(lines), /p4ss|a-test-secret|sha256=|adv-120.*日本|Bearer/);
});
