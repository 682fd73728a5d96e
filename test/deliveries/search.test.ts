/** Finding deliveries: filters, order, pages. */
import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { filterSchema, type DeliverySummary, type Filter } from '../../lib/deliveries/schema.js';
import { searchDeliveries } from '../../lib/deliveries/search.js';
import type { DeliveryStore } from '../../lib/deliveries/store.js';
import { openStore } from '../support/store.js';
import { addFinished, type FinishedJob } from './jobs.js';
import { openDeliveries } from './support.js';

const server = await openStore(t);
let counter = 0;

/** A store of its own for each test, on the same server. */
function own(t: Test): Promise<DeliveryStore> {
  counter += 1;
  return openDeliveries(t, { url: server.url, prefix: `${server.prefix}-${counter}` });
}

const START = Date.UTC(2026, 0, 31);

function job(number: number, changes: Partial<FinishedJob> = {}): FinishedJob {
  const at = START + number * 1_000;
  return {
    id: `evt_${number}`,
    source: 'petstore',
    state: 'failed',
    topic: 'pet.adopted',
    receivedAt: at,
    endedAt: at + 500,
    ...changes,
  };
}

const add = (store: DeliveryStore, jobs: FinishedJob[]) => addFinished(store.redis, store.prefix, jobs);

/** Follows the pages to the end. */
async function searchAll(store: DeliveryStore, filter: Filter, limit: number): Promise<DeliverySummary[]> {
  const found: DeliverySummary[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await searchDeliveries(store, filter, { limit, cursor: cursor ?? undefined });
    if (page.deliveries.length > limit) throw new Error('a page is too long');
    found.push(...page.deliveries);
    cursor = page.cursor;
  } while (cursor !== null);
  return found;
}

const idsOf = (deliveries: DeliverySummary[]) => deliveries.map(({ id }) => id);

void t.test(
  'pages hold everything once, the newest first, over sources, states and equal times',
  async (t) => {
    const store = await own(t);
    const jobs = Array.from({ length: 1_700 }, (_one, number) =>
      job(number, {
        source: ['petstore', 'pce', 'pitchpoint'][number % 3] as string,
        state: number % 5 < 2 ? 'failed' : 'completed',
        // Hundreds end in the same millisecond.
        endedAt: START + Math.floor(number / 600),
      }),
    );
    await add(store, jobs);
    for (const limit of [1, 7, 200]) {
      const wanted = limit === 1 ? { topic: 'pet.adopted', source: 'pce', state: 'failed' as const } : {};
      const found = await searchAll(store, wanted, limit);
      const times = found.map(({ finishedAt }) => String(finishedAt));
      t.same(times, times.toSorted().toReversed(), `by time, ${limit} a page`);
      const expected =
        limit === 1 ? jobs.filter(({ source, state }) => source === 'pce' && state === 'failed') : jobs;
      t.same(
        idsOf(found).toSorted(),
        expected.map(({ id }) => id).toSorted(),
        `all of them once, ${limit} a page`,
      );
    }
  },
);

void t.test('each part of a filter', async (t) => {
  const store = await own(t);
  const line = (outcome: string, handler?: string) => ({
    at: '2026-01-31T00:00:00.100Z',
    event: 'attempt',
    attempt: 1,
    outcome,
    ms: 3,
    handler,
  });
  await add(store, [
    job(1, { topic: 'orders/placed', source: 'pitchpoint', tenantId: 'OU1', reason: 'Connection TIMED out' }),
    job(2, { topic: 'orders/updated', source: 'pitchpoint', tenantId: 'OU2', log: [line('quarantined')] }),
    job(3, { topic: null, log: [line('retried', '/h/first.mjs'), line('failed', '/h/second.mjs')] }),
    job(4, { state: 'completed', topic: 'orders/placed' }),
    job(5, { id: 'a: b/ü', rawBody: JSON.stringify({ text: '","rawBody":"{' }), tenantId: 'OU1' }),
  ]);
  const find = async (filter: Record<string, string>) =>
    idsOf((await searchDeliveries(store, filterSchema.parse(filter), { limit: 50 })).deliveries);

  t.same(await find({}), ['a: b/ü', 'evt_4', 'evt_3', 'evt_2', 'evt_1']);
  t.same(await find({ source: 'pitchpoint' }), ['evt_2', 'evt_1']);
  t.same(await find({ topic: 'orders/placed' }), ['evt_4', 'evt_1']);
  t.same(await find({ topic: 'orders/*' }), ['evt_4', 'evt_2', 'evt_1']);
  t.same(await find({ topic: '*topic*' }), [], 'what has no topic has no topic to match');
  t.same(await find({ tenant: 'OU1' }), ['a: b/ü', 'evt_1']);
  t.same(await find({ tenant: 'OU*', source: 'pitchpoint' }), ['evt_2', 'evt_1']);
  t.same(await find({ state: 'completed' }), ['evt_4']);
  t.same(await find({ state: 'failed' }), ['a: b/ü', 'evt_3', 'evt_2', 'evt_1']);
  t.same(await find({ state: 'quarantined' }), ['evt_2']);
  t.same(await find({ state: 'dead-letter' }), ['a: b/ü', 'evt_3', 'evt_1']);
  t.same(await find({ state: 'waiting' }), []);
  t.same(await find({ reason: 'timed OUT' }), ['evt_1']);
  t.same(await find({ since: '2026-01-31T00:00:03.500Z' }), ['a: b/ü', 'evt_4', 'evt_3']);
  t.same(await find({ until: '2026-01-31T00:00:03.499Z' }), ['evt_2', 'evt_1']);
  t.same(await find({ since: '2026-01-31T00:00:02Z', until: '2026-01-31T00:00:04Z' }), ['evt_3', 'evt_2']);
  t.same(await find({ since: '1h' }), []);
  t.same(await find({ id: 'a: b/ü' }), ['a: b/ü']);
  t.same(await find({ id: 'evt_1', source: 'petstore' }), []);
  t.same(await find({ id: 'evt_1', state: 'failed', topic: 'orders/*' }), ['evt_1']);
  t.same(await find({ id: 'evt_1', state: 'completed' }), []);
  t.same(await find({ id: 'evt_1', since: '1h' }), []);

  const [failed] = (await searchDeliveries(store, { id: 'evt_3' }, { limit: 1 })).deliveries;
  t.match(failed, {
    state: 'failed',
    failure: 'dead-letter',
    topic: null,
    firstFailedAt: '2026-01-31T00:00:00.100Z',
    lastFailedAt: '2026-01-31T00:00:03.500Z',
    finishedAt: '2026-01-31T00:00:03.500Z',
    handler: '/h/second.mjs',
    failedReason: 'broken',
    attemptsMade: 1,
  });
  await t.rejects(searchDeliveries(store, { source: 'nobody' }, { limit: 1 }), {
    code: 'HKL_ERR_UNKNOWN_SOURCE',
  });
  for (const cursor of ['', 'x', Buffer.from('{"endedAt":"1"}').toString('base64url')]) {
    await t.rejects(searchDeliveries(store, {}, { limit: 1, cursor }), {
      code: 'HKL_ERR_INVALID_PARAMETERS',
    });
  }
});

void t.test('what has not ended comes first', async (t) => {
  const store = await own(t);
  await add(store, [job(1)]);
  const queue = store.queues.get('petstore');
  for (const id of ['w1', 'w2', 'w3', 'd1']) {
    await queue?.accept({
      id,
      source: 'petstore',
      topic: 'pet.adopted',
      subTopic: null,
      tenantId: 'OU7',
      triggeredAt: null,
      receivedAt: new Date().toISOString(),
      rawBody: '{}',
      headers: {},
    });
  }
  // As a failed attempt leaves it.
  const delayed = await queue?.find('d1');
  await store.redis.lrem(`${store.prefix}:petstore:wait`, 1, delayed?.jobId ?? '');
  await store.redis.zadd(`${store.prefix}:petstore:delayed`, Date.now() * 4_096, delayed?.jobId ?? '');

  for (const limit of [1, 2, 50]) {
    t.same(idsOf(await searchAll(store, {}, limit)), ['w3', 'w2', 'w1', 'd1', 'evt_1'], `${limit} a page`);
  }
  t.same(idsOf(await searchAll(store, { state: 'waiting' }, 2)), ['w3', 'w2', 'w1']);
  t.same(idsOf(await searchAll(store, { state: 'delayed' }, 2)), ['d1']);
  t.same(idsOf(await searchAll(store, { tenant: 'OU7' }, 3)), ['w3', 'w2', 'w1', 'd1']);
  t.same(idsOf(await searchAll(store, { since: Date.now() - 60_000 }, 3)), ['w3', 'w2', 'w1', 'd1']);
  t.same(idsOf(await searchAll(store, { until: Date.now() - 60_000 }, 3)), ['evt_1']);
  const [waiting] = (await searchDeliveries(store, { id: 'w2' }, { limit: 1 })).deliveries;
  t.match(waiting, { state: 'waiting', failure: null, finishedAt: null, attemptsMade: 0 });
});

void t.test('a page goes on where it left off, whatever has gone or come meanwhile', async (t) => {
  const store = await own(t);
  const jobIds = await add(
    store,
    Array.from({ length: 30 }, (_one, number) => job(number, { endedAt: START + Math.floor(number / 10) })),
  );
  const first = await searchDeliveries(store, {}, { limit: 10 });
  const last = first.deliveries.at(-1);
  await store.redis.zrem(`${store.prefix}:petstore:failed`, last?.jobId ?? '');
  await add(store, [job(100)]);
  const second = await searchDeliveries(store, {}, { limit: 50, cursor: first.cursor ?? '' });
  t.equal(new Set([...first.deliveries, ...second.deliveries].map(({ jobId }) => jobId)).size, jobIds.length);
  t.notOk(idsOf(second.deliveries).includes('evt_100'), 'what is newer is on an earlier page');
});

void t.test('a page that finds little ends with its time, and says how far it looked', async (t) => {
  const store = await own(t);
  await add(
    store,
    Array.from({ length: 5_000 }, (_one, number) => job(number, number === 0 ? { topic: 'pet.sold' } : {})),
  );
  const filter: Filter = { topic: 'pet.sold' };
  // No time at all: one stretch is looked at.
  let page = await searchDeliveries(store, filter, { limit: 5, budget: 0.001 });
  t.match(page, { deliveries: [], lookedAt: 2_000, cursor: String });
  let lookedAt = page.lookedAt;
  while (page.cursor !== null && page.deliveries.length === 0) {
    page = await searchDeliveries(store, filter, { limit: 5, budget: 0.001, cursor: page.cursor });
    lookedAt += page.lookedAt;
  }
  t.same(idsOf(page.deliveries), ['evt_0'], 'the oldest of all is found in the end');
  t.equal(lookedAt, 5_000, 'and each was looked at once');
});

void t.test('a failed delivery is found by its id when that is no longer remembered', async (t) => {
  const store = await own(t);
  const [id, long] = [randomUUID(), `${'ü'.repeat(70)}1`];
  const others = Array.from({ length: 300 }, (_one, number) => job(number));
  const like = [`${id}0`, `x${id}`, `${'ü'.repeat(70)}2`].map((one, number) =>
    job(number, { id: one, remembered: false }),
  );
  const wanted = [id, long].map((one) => job(7, { id: one, remembered: false }));
  // The same webhook id came again after the window; the newer one is meant.
  const [older, ...rest] = await add(store, [
    job(3, { id, remembered: false }),
    ...others,
    ...like,
    ...wanted,
  ]);
  for (const one of [id, long]) {
    const page = await searchDeliveries(store, { id: one }, { limit: 5 });
    t.match(page.deliveries, [
      { id: one, state: 'failed', receivedAt: new Date(START + 7_000).toISOString() },
    ]);
  }
  t.same((await searchDeliveries(store, { id: 'evt_nowhere' }, { limit: 5 })).deliveries, []);
  const byJob = await searchDeliveries(store, { id: older ?? '' }, { limit: 5 });
  t.match(byJob.deliveries, [{ id, jobId: older }], 'a job id is taken as well');
  t.ok(rest.length > 0);
  for (const key of ['meta', 'wait', 'failed', 'de:evt_1', 'events']) {
    t.same(
      (await searchDeliveries(store, { id: key }, { limit: 5 })).deliveries,
      [],
      `${key} is no delivery`,
    );
  }
});
