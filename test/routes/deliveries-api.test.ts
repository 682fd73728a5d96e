/** `GET /admin/api/deliveries/<source>/<id>`: what became of a webhook id. */
import { randomUUID } from 'node:crypto';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { lookUp, until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const sender = createPetstoreSender({ secret: 'a-test-secret' });
const store = await openStore(t);
const ENVIRONMENT = { ...sender.environment, SHUTDOWN_TIMEOUT: '100ms' };
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

async function deliver(address: string, id: string, topic = 'pet.adopted', data: unknown = {}) {
  const { status, body } = await post(
    address,
    await sender.request({ topic, data }, { id, triggeredAt: '2025-01-06T12:00:00Z' }),
    { timeoutMs: 10_000 },
  );
  return { httpStatus: status, ...(JSON.parse(body) as { id: string; status: string }) };
}

void t.test('the fields of the contract', async (t) => {
  const { address } = await startTestService(t, store, ENVIRONMENT);
  const [handled, failed] = [randomUUID(), randomUUID()];
  await deliver(address, handled);
  await deliver(address, failed, 'nobody.handles.this');
  const common = {
    source: 'petstore',
    subTopic: null,
    tenantId: null,
    triggeredAt: '2025-01-06T12:00:00Z',
    receivedAt: ISO,
    attemptsMade: 1,
    startedAt: ISO,
    finishedAt: ISO,
    trimmed: false,
    jobId: String,
  };
  const first = await untilState(address, 'petstore', handled);
  t.match(first, { ...common, id: handled, topic: 'pet.adopted', state: 'completed', failedReason: null });
  t.match(await untilState(address, 'petstore', failed), {
    ...common,
    id: failed,
    topic: 'nobody.handles.this',
    state: 'failed',
    failedReason: /^No handler takes topic nobody\.handles\.this/,
  });
  const { receivedAt, startedAt, finishedAt } = first as Record<string, string>;
  t.ok(String(receivedAt) <= String(startedAt) && String(startedAt) <= String(finishedAt), 'in this order');
  t.notMatch(JSON.stringify(first), /rawBody|headers|payload/, 'and nothing of the event’s content');
});

void t.test('before a worker has it', async (t) => {
  const { address } = await startTestService(t, store, {
    ...ENVIRONMENT,
    ROLE: 'receiver',
    QUEUE_PREFIX: `${store.prefix}-alone`,
  });
  const id = randomUUID();
  await deliver(address, id);
  t.match(await lookUp(address, 'petstore', id), {
    state: 'waiting',
    attemptsMade: 0,
    startedAt: null,
    finishedAt: null,
    failedReason: null,
  });
});

void t.test('unknown', async (t) => {
  const { address } = await startTestService(t, store, ENVIRONMENT);
  const get = async (path: string) => {
    const answer = await fetch(`${address}/admin/api/deliveries/${path}`);
    return { httpStatus: answer.status, ...((await answer.json()) as object) };
  };
  t.match(await get('petstore/unknown'), { httpStatus: 404, code: 'HKL_ERR_UNKNOWN_DELIVERY' });
  t.match(await get('pitchpoint/unknown'), { httpStatus: 404, code: 'HKL_ERR_UNKNOWN_DELIVERY' }, 'disabled');
  t.match(await get('nobody/unknown'), { httpStatus: 404, code: 'HKL_ERR_UNKNOWN_SOURCE' });
  t.match(await get('__proto__/unknown'), { httpStatus: 404, code: 'HKL_ERR_UNKNOWN_SOURCE' });
  t.match(await get('petstore/'), { httpStatus: 404 });
  t.match(await get('petstore'), { httpStatus: 404 });
  const id = randomUUID();
  await deliver(address, id);
  t.match(await get(`pce/${id}`), { httpStatus: 404 }, 'ids belong to their source');
  t.match(await get(`petstore/${id.toUpperCase()}`), { httpStatus: 404 }, 'and have a case');
});

void t.test('whatever an id is made of, it is found by it', async (t) => {
  const { address } = await startTestService(t, store, ENVIRONMENT);
  const ids = {
    'a slash': 'orders/1/a',
    'slashes at the ends': '/1/',
    percent: '100%',
    'an escape, literally': 'a%2Fb',
    'an escape of an escape': 'a%252Fb',
    'a question': 'a?b=c&d#e',
    dots: '..',
    'a colon': 'a:b:c',
    'a plus and a blank': 'a+b c',
    'a backslash': 'a\\b',
    quotes: '"a\'b"',
    'a number': '12345',
    accents: 'é',
    CJK: '日本語',
    emoji: '🐶',
    'the longest': 'x'.repeat(256),
    'the longest in slashes': '/'.repeat(256),
    'the longest in CJK': '日'.repeat(256),
    'the longest in emoji': '🐶'.repeat(128),
  };
  for (const [name, id] of Object.entries(ids)) {
    t.match(await deliver(address, id), { httpStatus: 200, status: 'accepted', id }, name);
    // A path of dots alone is resolved by every client, so it is asked for as such a client would not.
    const found = await lookUp(address, 'petstore', id).catch((error: Error) => error.message);
    if (name !== 'dots') t.match(found, { id, topic: 'pet.adopted' }, `${name}: found`);
    t.match(await deliver(address, id), { status: 'duplicate' }, `${name}: remembered`);
  }
});

void t.test('an id that was too long is found by what was sent, too', async (t) => {
  const { address } = await startTestService(t, store, ENVIRONMENT);
  const id = `${randomUUID()}${'x'.repeat(300)}`;
  const answer = await deliver(address, id);
  t.match(answer, { httpStatus: 200, status: 'accepted', id: /^sha256-[0-9a-f]{64}$/ });
  t.match(await lookUp(address, 'petstore', answer.id), { topic: 'pet.adopted' }, 'by the id in the answer');
  t.match(await lookUp(address, 'petstore', id), { topic: 'pet.adopted' }, 'by the provider’s id');
});

void t.test('a completed job that was trimmed is still known', async (t) => {
  const trimming = { ...ENVIRONMENT, QUEUE_PREFIX: `${store.prefix}-trim`, KEEP_COMPLETED_COUNT: '0' };
  const { address } = await startTestService(t, store, trimming);
  const id = randomUUID();
  await deliver(address, id);
  await until('it to be trimmed', async () => (await lookUp(address, 'petstore', id))?.['trimmed'] === true);
  t.match(await lookUp(address, 'petstore', id), {
    source: 'petstore',
    id,
    state: 'completed',
    trimmed: true,
    jobId: String,
    failedReason: null,
  });
  t.match(await deliver(address, id), { status: 'duplicate' }, 'and its id is remembered');
});
