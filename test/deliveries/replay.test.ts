/** Replaying and discarding one delivery, with real workers. */
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import t from 'tap';
import { describeDelivery } from '../../lib/deliveries/describe.js';
import { operateOne } from '../../lib/deliveries/one.js';
import { listSessions } from '../../lib/deliveries/sessions.js';
import type { DeliveryStore } from '../../lib/deliveries/store.js';
import type { Delivery } from '../../lib/event.js';
import { until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore, temporaryFolder } from '../support/store.js';
import { addFinished } from './jobs.js';
import { brokenHandlers, deliver, openDeliveries, petstore } from './support.js';

const server = await openStore(t);
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const by = 'cli:somebody';

function one(
  store: DeliveryStore,
  action: 'replay' | 'discard',
  id: string,
  options: { force?: boolean; keepId?: boolean } = {},
) {
  return operateOne(store, { action, source: 'petstore', id, by, force: false, keepId: false, ...options });
}

async function dataOf(store: DeliveryStore, id: string): Promise<Delivery> {
  const found = await store.queues.get('petstore')?.find(id);
  if (!found?.job) throw new Error(`there is no job of ${id}`);
  return found.job.data;
}

void t.test('replay', async (t) => {
  const handlers = await brokenHandlers(t);
  const { address } = await startTestService(t, server, {
    ...petstore.environment,
    HANDLERS_DIR: handlers.folder,
  });
  const store = await openDeliveries(t, server);
  const id = await deliver(address, 'pet.adopted');
  await untilState(address, 'petstore', id, 'failed');
  const before = await dataOf(store, id);
  await handlers.mend();

  const session = await one(store, 'replay', id);
  t.match(session, {
    action: 'replay',
    status: 'done',
    done: 1,
    skipped: 0,
    total: 1,
    by,
    filter: { source: 'petstore', id },
  });
  t.match(await untilState(address, 'petstore', id, 'completed'), {
    attemptsMade: 1,
    failedReason: null,
    replayCount: 1,
  });
  t.same([...(await handlers.handled())], [[id, 1]]);
  const { replay, ...after } = await dataOf(store, id);
  t.match(replay, { count: 1, at: ISO, by });
  t.same(after, before, 'the event itself is as it was');

  const shown = await describeDelivery(store, 'petstore', id);
  t.match(shown?.replays, [{ at: ISO, by, filter: `source=petstore id=${id} state=failed` }]);
  t.equal(shown?.history[0]?.event, 'received');
  t.match(shown?.history.at(-1), { event: 'completed' });
  t.ok(
    shown?.history.some((happening) => happening.event === 'replay' && happening['session'] === session.id),
  );

  await t.rejects(one(store, 'replay', id), { code: 'HKL_ERR_NEEDS_FORCE' });
  await one(store, 'replay', id, { force: true });
  await until('it to be handled twice', async () => (await handlers.handled()).get(id) === 2);
  t.match(await dataOf(store, id), { replay: { count: 2 } }, 'counted');
  t.equal(Object.keys(await dataOf(store, id)).filter((name) => name === 'replay').length, 1);
  const raw = await store.redis.hget(`${store.prefix}:petstore:${shown?.jobId}`, 'data');
  t.equal(raw?.split('"replay":').length, 2, 'and written once');
  t.match(
    (await listSessions(store, 10)).map(({ filter }) => filter.state),
    ['completed', 'failed'],
  );
});

void t.test('a full set of attempts', async (t) => {
  const folder = path.join(await temporaryFolder(t), 'handlers');
  await mkdir(folder);
  await writeFile(
    path.join(folder, 'any.mjs'),
    `export default { source: 'petstore', topic: '*', attempts: 3, backoff: { delay: 1 },
      handle(_event, { attempt }) { throw new Error('failure ' + attempt); } };`,
  );
  const prefix = `${server.prefix}-attempts`;
  const { address, lines } = await startTestService(
    t,
    { ...server, prefix },
    { ...petstore.environment, HANDLERS_DIR: folder },
  );
  const store = await openDeliveries(t, { ...server, prefix });
  const id = await deliver(address, 'pet.adopted');
  const attempts = () =>
    lines.filter(({ id: of, outcome }) => of === id && /retried|failed/.test(String(outcome)));
  t.match(await untilState(address, 'petstore', id, 'failed'), {
    attemptsMade: 3,
    failedReason: 'failure 3',
  });
  await one(store, 'replay', id);
  await until('six attempts', () => attempts().length === 6);
  t.match(await untilState(address, 'petstore', id, 'failed'), {
    attemptsMade: 3,
    failedReason: 'failure 3',
  });
  t.same(
    attempts().map(({ attempt }) => attempt),
    [1, 2, 3, 1, 2, 3],
  );
});

void t.test('what cannot be replayed', async (t) => {
  const prefix = `${server.prefix}-refused`;
  const receiver = await startTestService(
    t,
    { ...server, prefix },
    { ...petstore.environment, ROLE: 'receiver' },
  );
  const store = await openDeliveries(t, { ...server, prefix });
  const waiting = await deliver(receiver.address, 'pet.adopted');
  for (const action of ['replay', 'discard'] as const) {
    await t.rejects(one(store, action, waiting), { code: 'HKL_ERR_NOT_ENDED' });
    await t.rejects(one(store, action, waiting, { force: true }), { code: 'HKL_ERR_NOT_ENDED' });
    await t.rejects(one(store, action, 'evt_nowhere'), { code: 'HKL_ERR_UNKNOWN_DELIVERY' });
    await t.rejects(
      operateOne(store, { action, source: 'nobody', id: 'x', by, force: false, keepId: false }),
      {
        code: 'HKL_ERR_UNKNOWN_SOURCE',
      },
    );
  }
  const found = await store.queues.get('petstore')?.find(waiting);
  await store.redis.del(`${prefix}:petstore:${found?.jobId}`);
  await t.rejects(one(store, 'replay', waiting), { code: 'HKL_ERR_JOB_GONE' });
  t.same(await listSessions(store, 10), [], 'nothing is recorded of what was not done');
});

void t.test('discard', async (t) => {
  const prefix = `${server.prefix}-discard`;
  const handlers = await brokenHandlers(t);
  const { address } = await startTestService(
    t,
    { ...server, prefix },
    { ...petstore.environment, HANDLERS_DIR: handlers.folder },
  );
  const store = await openDeliveries(t, { ...server, prefix });
  const answerTo = async (id: string) => {
    const request = await petstore.request({ topic: 'pet.adopted', data: {} }, { id });
    const answer = await fetch(`${address}${request.path}`, {
      method: 'POST',
      headers: request.headers,
      body: request.body,
    });
    return ((await answer.json()) as { status: string }).status;
  };
  const [reopened, kept] = [randomUUID(), randomUUID()];
  for (const id of [reopened, kept]) {
    await deliver(address, 'pet.adopted', id);
    await untilState(address, 'petstore', id, 'failed');
  }
  const jobIds = await store.redis.zrange(`${prefix}:petstore:failed`, '0', '-1');
  t.match(await one(store, 'discard', reopened), { action: 'discard', done: 1, by });
  await one(store, 'discard', kept, { keepId: true });
  for (const jobId of jobIds) {
    const keys = [`${prefix}:petstore:${jobId}`, `${prefix}:petstore:${jobId}:logs`];
    t.equal(await store.redis.exists(...keys), 0, 'the job and its log are gone');
  }
  t.equal(await store.redis.zcard(`${prefix}:petstore:failed`), 0);
  t.equal(await describeDelivery(store, 'petstore', reopened), undefined, 'nothing is known of it');
  t.match(await describeDelivery(store, 'petstore', kept), {
    id: kept,
    state: 'failed',
    discarded: true,
    trimmed: true,
  });
  await t.rejects(one(store, 'replay', kept), { code: 'HKL_ERR_JOB_GONE' });
  const ttl = await store.redis.pttl(`${prefix}:petstore:de:${kept}`);
  t.ok(ttl > 0 && ttl <= 3 * 86_400_000, 'the id is kept for as long as it would have been');
  t.equal(await answerTo(kept), 'duplicate');
  t.equal(await answerTo(reopened), 'accepted');
  t.match(
    (await listSessions(store, 10)).map(({ action }) => action),
    ['discard', 'discard'],
  );
});

void t.test('what is shown of one', async (t) => {
  const store = await openDeliveries(t, { ...server, prefix: `${server.prefix}-show` });
  const at = (second: number) => `2026-01-31T00:00:0${second}.000Z`;
  const attempt = (number: number, outcome: string) => ({
    at: at(number),
    event: 'attempt',
    attempt: number,
    outcome,
    ms: 12,
    error: { name: 'TypeError', message: 'x is not a function' },
    handler: '/handlers/pet.mjs',
  });
  const [jobId] = await addFinished(store.redis, store.prefix, [
    {
      id: 'evt_1',
      source: 'petstore',
      state: 'failed',
      topic: 'pet.adopted',
      receivedAt: Date.parse(at(0)),
      endedAt: Date.parse(at(6)),
      log: [
        attempt(1, 'returned'),
        attempt(2, 'retried'),
        { at: at(4), event: 'replay', by, filter: 'x' },
        attempt(5, 'failed'),
      ],
    },
  ]);
  const key = `${store.prefix}:petstore:${jobId}`;
  await store.redis.rpush(`${key}:logs`, 'a line of somebody else', '{"broken');
  await store.redis.hset(key, {
    'step:charge': JSON.stringify({ value: { id: 'ch_1', token: 'tok_secret' }, at: at(3), attempt: 2 }),
    'step:apiKey': JSON.stringify({ value: 'sk_secret', at: at(5), attempt: 5 }),
    'step:broken': 'not JSON',
  });
  const shown = await describeDelivery(store, 'petstore', 'evt_1');
  t.match(shown, {
    state: 'failed',
    failure: 'dead-letter',
    firstFailedAt: at(2),
    lastFailedAt: at(6),
    handler: '/handlers/pet.mjs',
    stack: /^Error: broken\n {4}at x$/,
    trimmed: false,
    discarded: false,
    replays: [{ at: at(4), by, filter: 'x' }],
  });
  t.same(
    shown?.history.map((happening) => [happening.at, happening.event]),
    [
      [at(0), 'received'],
      [at(1), 'attempt'],
      [at(2), 'attempt'],
      [at(3), 'step'],
      [at(4), 'replay'],
      [at(5), 'attempt'],
      [at(5), 'step'],
      [at(6), 'failed'],
    ],
  );
  t.same(shown?.steps, [
    { name: 'broken', at: null, attempt: null, value: null },
    { name: 'charge', at: at(3), attempt: 2, value: { id: 'ch_1', token: '***' } },
    { name: 'apiKey', at: at(5), attempt: 5, value: '***' },
  ]);
  t.notMatch(JSON.stringify(shown), /secret/);
  t.match(await describeDelivery(store, 'petstore', jobId ?? ''), { id: 'evt_1', jobId });
});
