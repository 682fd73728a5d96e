/** What is authentic and cannot be handled stays as a failed job that says what to do, and can be replayed. */
import { randomUUID } from 'node:crypto';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import t from 'tap';
import { createPetstoreSender, type PetstoreRequestOptions } from '../../senders/petstore.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { post, type SignedRequest } from '../../senders/sender.js';
import { lookUp, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const STRICT = `
  source: 'petstore', topic: 'strict', attempts: 5, backoff: { delay: 0 }, handle() {}, schema: {
    type: 'object', required: ['data'],
    properties: { data: { type: 'object', required: ['amount'], properties: { amount: { type: 'number' } } } },
  }`;
const folder = t.testdir({
  'pet.mjs': "export default { source: 'petstore', topic: 'pet.adopted', handle() {} };",
  'strict.mjs': `export default { ${STRICT} };`,
  'placed.mjs': "export default { source: 'pitchpoint', topic: 'orders/placed', handle() {} };",
});
const petstore = createPetstoreSender({ secret: 'a-test-secret' });
const pitchpoint = await startPitchpointSender();
t.teardown(() => pitchpoint.close());
const store = await openStore(t);
const redis = new Redis(store.url, { maxRetriesPerRequest: null });
t.teardown(() => redis.disconnect());
const ENVIRONMENT = { ...petstore.environment, ...pitchpoint.environment, SHUTDOWN_TIMEOUT: '100ms' };
const { address, lines } = await startTestService(t, store, { ...ENVIRONMENT, HANDLERS_DIR: folder });

async function deliver(request: SignedRequest) {
  const { status, body } = await post(address, request, { timeoutMs: 10_000 });
  if (status !== 200) throw new Error(`${status} ${body}`);
  const { id } = JSON.parse(body) as { id: string };
  return { source: request.path.slice('/webhooks/'.length), id };
}

const send = async (topic: string, options: PetstoreRequestOptions) =>
  deliver(await petstore.request({ topic, data: {} }, options));

async function jobOf(source: string, id: string) {
  const queue = new Queue(source, { connection: redis, prefix: store.prefix });
  const job = await queue.getJob(String((await lookUp(address, source, id))?.['jobId']));
  if (!job) throw new Error(`no job of ${id}`);
  return job;
}

void t.test('each reason says what is wrong and what to do', async (t) => {
  const invalid = Buffer.from('{"id":"bytes","eventType":"pet.adopted","x":"\xff"}', 'latin1');
  const body = (fields: object) => ({ rawBody: JSON.stringify(fields) });
  const id = randomUUID();
  const cases: Record<string, [sent: Promise<{ source: string; id: string }>, reason: RegExp[]]> = {
    'no handler': [
      send('nobody.handles.this', {}),
      [/nobody\.handles\.this/, /handler/i, /HANDLERS_DIR/, /replay/],
    ],
    'bad JSON': [send('x', { rawBody: '{"id":"bad"' }), [/not valid JSON/, /ask the provider/i]],
    schema: [
      send('strict', { data: { amount: '1' } }),
      [/strict\.mjs/, /\/data\/amount/, /number/, /replay/],
    ],
    'no id': [
      deliver(await petstore.request({ topic: 'x', data: {} }, body({ eventType: 'pet.adopted' }))),
      [/no webhook id/, /replay/],
    ],
    'no topic': [send('x', body({ id: randomUUID() })), [/names no topic/, /ask the provider/i]],
    'bad topic': [
      send('x', body({ id: randomUUID(), eventType: 'a\nb' })),
      [/topic/, /control characters/, /ask the provider/i],
    ],
    'a topic that is too long': [send('x'.repeat(201), {}), [/topic/, /200/, /ask the provider/i]],
    'invalid UTF-8': [send('x', { rawBody: invalid }), [/UTF-8/, /base64/, /ask the provider/i]],
    'bad JSON behind headers': [
      deliver(await pitchpoint.request({ topic: 'orders/placed', data: {} }, { id, rawBody: '{' })),
      [/not valid JSON/, /ask the provider/i],
    ],
  };
  for (const [name, [sent, reasons]] of Object.entries(cases)) {
    const { source, id } = await sent;
    const { state, attemptsMade, failedReason } = await untilState(address, source, id);
    t.same([state, attemptsMade], ['failed', 1], `${name}: failed at once`);
    for (const reason of reasons) t.match(failedReason, reason, name);
    t.notMatch(failedReason, /\n|\bat .*:\d+:\d+/, `${name}: one line, no stack`);
    const line = lines.find((line) => line['id'] === id && line['outcome'] === 'quarantined');
    t.match(line, { level: 50, reason: failedReason }, `${name}: and it is logged`);
  }
});

void t.test('the body is kept as it came', async (t) => {
  const rawBody = Buffer.from('{"id":"kept","x":"\xff\xfe"}', 'latin1');
  const { source, id } = await send('x', { rawBody });
  await untilState(address, source, id, 'failed');
  const { data } = (await jobOf(source, id)) as { data: { rawBody: string; encoding: string } };
  t.equal(data.encoding, 'base64');
  t.ok(Buffer.from(data.rawBody, 'base64').equals(rawBody));
});

void t.test('an event without an id is handled once an operator retries it', async (t) => {
  for (const [name, options] of Object.entries({
    'a retry': {},
    'a retry with a full set of attempts': { resetAttemptsMade: true, resetAttemptsStarted: true },
  })) {
    const rawBody = JSON.stringify({ eventType: 'pet.adopted', nonce: randomUUID() });
    const { source, id } = await send('x', { rawBody });
    await untilState(address, source, id, 'failed');
    await (await jobOf(source, id)).retry('failed', options);
    t.match(await untilState(address, source, id), { state: 'completed' }, name);
    t.equal((await send('x', { rawBody })).id, id, `${name}: sent again it is the same event`);
  }
});

void t.test('a retry does not help what it cannot', async (t) => {
  const { source, id } = await send('x', { rawBody: `not JSON ${randomUUID()}` });
  await untilState(address, source, id, 'failed');
  await (await jobOf(source, id)).retry();
  t.match(await untilState(address, source, id), { state: 'failed', failedReason: /not valid JSON/ });

  const none = await send('x', { rawBody: JSON.stringify({ nonce: randomUUID() }) });
  t.match(await untilState(address, source, none.id), { failedReason: /no webhook id/ });
  await (await jobOf(source, none.id)).retry();
  t.match(await untilState(address, source, none.id), { state: 'failed', failedReason: /names no topic/ });
});

void t.test('once the handler or its schema is mended, a retry handles it', async (t) => {
  const mended = t.testdir({
    'new.mjs': "export default { source: 'petstore', topic: 'new.topic', attempts: 1, handle() {} };",
    'strict.mjs': `export default { ${STRICT.replace("type: 'number'", '')} };`,
  });
  // Apart from the worker of the other tests, which would take the retry with its old handlers.
  const prefix = `${store.prefix}-mended`;
  const at = { ...ENVIRONMENT, QUEUE_PREFIX: prefix };
  const before = await startTestService(t, store, { ...at, HANDLERS_DIR: folder });
  const ids: string[] = [];
  for (const topic of ['new.topic', 'strict']) {
    const request = await petstore.request({ topic, data: { amount: '1' } });
    await post(before.address, request, { timeoutMs: 10_000 });
    await untilState(before.address, 'petstore', request.id, 'failed');
    ids.push(request.id);
  }
  await before.close();
  const after = await startTestService(t, store, { ...at, HANDLERS_DIR: mended });
  const queue = new Queue('petstore', { connection: redis, prefix });
  for (const id of ids) {
    const known = await lookUp(after.address, 'petstore', id);
    await (await queue.getJob(String(known?.['jobId'])))?.retry();
    t.match(await untilState(after.address, 'petstore', id), { state: 'completed' });
  }
});
