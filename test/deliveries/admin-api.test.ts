/** `/admin/api` as scripts use it: search, replay, discard, sessions; and who may. */
import { randomUUID } from 'node:crypto';
import t from 'tap';
import { until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';
import { addFinished } from './jobs.js';
import { brokenHandlers, deliver, openDeliveries, petstore } from './support.js';

const server = await openStore(t);
const JSON_TYPE = { 'content-type': 'application/json' };

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

async function ask(url: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

function post(url: string, body: unknown = {}, headers: Record<string, string> = JSON_TYPE): Promise<Answer> {
  return ask(url, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
}

void t.test('search', async (t) => {
  const own = { ...server, prefix: `${server.prefix}-search` };
  const { address } = await startTestService(t, own, { ...petstore.environment, ROLE: 'receiver' });
  const store = await openDeliveries(t, own);
  const START = Date.UTC(2026, 0, 31);
  await addFinished(
    store.redis,
    own.prefix,
    Array.from({ length: 30 }, (_one, number) => ({
      id: `evt_${number}`,
      source: 'petstore',
      state: number % 2 ? ('failed' as const) : ('completed' as const),
      topic: 'pet.adopted',
      receivedAt: START + number,
      endedAt: START + number,
    })),
  );
  const list = `${address}/admin/api/deliveries`;
  const first = await ask(`${list}?state=failed&topic=pet.*&limit=10`);
  t.match(first, { status: 200, body: { deliveries: { length: 10 }, cursor: String, lookedAt: 10 } });
  const [newest] = first.body['deliveries'] as object[];
  t.same(newest, {
    source: 'petstore',
    id: 'evt_29',
    jobId: (newest as { jobId: string }).jobId,
    state: 'failed',
    failure: 'dead-letter',
    topic: 'pet.adopted',
    subTopic: null,
    tenantId: null,
    triggeredAt: null,
    receivedAt: '2026-01-31T00:00:00.029Z',
    startedAt: '2026-01-31T00:00:00.030Z',
    finishedAt: '2026-01-31T00:00:00.029Z',
    attemptsMade: 1,
    failedReason: 'broken',
    firstFailedAt: '2026-01-31T00:00:00.029Z',
    lastFailedAt: '2026-01-31T00:00:00.029Z',
    handler: null,
    replayCount: 0,
  });
  const rest = await ask(`${list}?state=failed&topic=pet.*&limit=10&cursor=${String(first.body['cursor'])}`);
  t.match(rest, { status: 200, body: { deliveries: { length: 5 }, cursor: null } });

  const mistakes: Array<[query: string, says: RegExp]> = [
    ['limit=0', /limit: expected a whole number from 1 to 200/],
    ['limit=many', /limit: expected a whole number from 1 to 200/],
    ['state=dead', /state: Invalid option.*dead-letter/],
    ['since=yesterday', /since: expected a time such as/],
    ['colour=red', /colour/],
    ['topic=', /topic: /],
    ['cursor=abc', /cursor: expected the cursor of the page before/],
  ];
  for (const [query, says] of mistakes) {
    const answer = await ask(`${list}?${query}`);
    t.match(
      answer,
      { status: 400, body: { statusCode: 400, code: 'HKL_ERR_INVALID_PARAMETERS', error: 'Bad Request' } },
      query,
    );
    t.match(answer.body['message'], says);
  }
  t.match(await ask(`${list}?source=nobody`), { status: 404, body: { code: 'HKL_ERR_UNKNOWN_SOURCE' } });
});

void t.test('replay and discard', async (t) => {
  const own = { ...server, prefix: `${server.prefix}-replay` };
  const handlers = await brokenHandlers(t);
  const { address, lines } = await startTestService(t, own, {
    ...petstore.environment,
    HANDLERS_DIR: handlers.folder,
  });
  const store = await openDeliveries(t, own);
  const api = `${address}/admin/api`;
  const ids: string[] = [];
  for (let count = 0; count < 12; count += 1) ids.push(await deliver(address, 'pet.adopted'));
  const [one = '', other = '', ...rest] = ids;
  for (const id of ids) await untilState(address, 'petstore', id, 'failed');
  await handlers.mend();

  const replayed = await post(`${api}/deliveries/petstore/${one}/replay`);
  t.match(replayed, { status: 200, body: { action: 'replay', status: 'done', done: 1, by: 'admin:local' } });
  t.match(await untilState(address, 'petstore', one, 'completed'), { replays: [{ by: 'admin:local' }] });
  const discarded = await post(`${api}/deliveries/petstore/${other}/discard`, { keepId: true });
  t.match(discarded, { status: 200, body: { action: 'discard', done: 1 } });
  t.match(await ask(`${api}/deliveries/petstore/${other}`), { body: { discarded: true } });

  const again = `${api}/deliveries/petstore/${one}/replay`;
  t.match(await post(again), { status: 409, body: { code: 'HKL_ERR_NEEDS_FORCE' } });
  t.match(await post(again, { force: 'yes' }), { status: 400, body: { message: /force: / } });
  t.match(await post(again, { forse: true }), { status: 400, body: { message: /forse/ } });
  t.match(await post(again, { force: true }, { 'x-requested-with': 'curl', ...JSON_TYPE }), { status: 200 });
  t.match(await ask(again, { method: 'POST', headers: { 'x-requested-with': 'curl' } }), {
    status: 409,
    body: { code: /HKL_ERR_N/ },
  });
  t.match(await post(`${api}/deliveries/petstore/${randomUUID()}/replay`), {
    status: 404,
    body: { code: 'HKL_ERR_UNKNOWN_DELIVERY' },
  });
  t.match(await post(`${api}/deliveries/nobody/${one}/replay`), {
    status: 404,
    body: { code: 'HKL_ERR_UNKNOWN_SOURCE' },
  });

  const filter = { topic: 'pet.adopted' };
  t.match(await post(`${api}/replays`, { filter, dryRun: true }), {
    status: 200,
    body: { total: 10, first: { length: 5 } },
  });
  t.equal(await store.redis.zcard(`${own.prefix}:petstore:failed`), 10, 'a dry run changes nothing');
  const many = await post(`${api}/replays`, { filter, rate: '1000/s' });
  t.match(many, {
    status: 202,
    body: { id: String, action: 'replay', total: 10, rate: 1_000, by: 'admin:local' },
  });
  for (const id of rest) await untilState(address, 'petstore', id, 'completed');
  const session = `${api}/replays/${String(many.body['id'])}`;
  await until('the session to end', async () => (await ask(session)).body['status'] === 'done');
  t.match(await ask(session), { body: { done: 10, skipped: 0 } });
  const handled = await handlers.handled();
  t.same(
    rest.map((id) => handled.get(id)),
    rest.map(() => 1),
    'each once',
  );
  t.match(await ask(`${api}/replays`), { status: 200, body: { sessions: { length: 4 } } });

  for (const [body, says] of [
    [{}, /filter: /],
    [{ filter: { id: 'x' } }, /id/],
    [{ filter: { state: 'waiting' } }, /filter\.state: /],
    [{ filter, rate: '5000/s' }, /rate: expected 1000\/s at most/],
    [{ filter, rate: 'fast' }, /rate: expected a rate such as 200\/s/],
  ] as const) {
    t.match(await post(`${api}/replays`, body), {
      status: 400,
      body: { code: 'HKL_ERR_INVALID_PARAMETERS', message: says },
    });
  }
  t.match(await post(`${api}/replays`, '{"filter"'), { status: 400, body: { code: 'HKL_ERR_BAD_REQUEST' } });
  t.match(await post(`${api}/replays`, { filter: { state: 'completed' } }), {
    status: 409,
    body: { code: 'HKL_ERR_NEEDS_FORCE' },
  });
  t.match(await ask(`${api}/replays/none`), { status: 404, body: { code: 'HKL_ERR_UNKNOWN_SESSION' } });

  // The guard writes one of its own for every change, which says less.
  const audited = lines.filter(({ audit }) => audit !== undefined && audit !== 'change');
  t.match(audited.slice(0, 2), [
    { audit: 'replay', by: 'admin:local', source: 'petstore', id: one, session: String },
    { audit: 'discard', by: 'admin:local', source: 'petstore', id: other, keepId: true },
  ]);
  t.match(audited.at(-1), { audit: 'replay', filter, rate: 1_000, total: 10 });
});

void t.test('a session is stopped, resumed and bounded in number', async (t) => {
  const own = { ...server, prefix: `${server.prefix}-stop` };
  const service = await startTestService(t, own, { ...petstore.environment, ROLE: 'receiver' });
  const store = await openDeliveries(t, own);
  const api = `${service.address}/admin/api`;
  await addFinished(
    store.redis,
    own.prefix,
    Array.from({ length: 50 }, (_one, number) => ({
      id: `evt_${number}`,
      source: 'petstore',
      state: 'failed' as const,
      topic: 'x',
      receivedAt: 1_000,
      endedAt: 1_000 + number,
    })),
  );
  const start = () => post(`${api}/replays`, { filter: { topic: 'x' }, rate: '1/m' });
  const { body } = await start();
  const session = `${api}/replays/${String(body['id'])}`;
  await until('its first step', async () => (await ask(session)).body['done'] === 1);
  t.match(await post(`${session}/stop`), { status: 200, body: { status: 'stopped' } });
  t.match(await post(`${session}/resume`), { status: 202, body: { status: 'running' } });
  // Each runs for most of an hour, or until the process ends. The one that was stopped hears of it within seconds.
  const statuses: number[] = [];
  for (let count = 0; count < 4; count += 1) statuses.push((await start()).status);
  t.equal(statuses.at(-1), 409, 'no more than a few at once');
  t.match(await start(), { body: { code: 'HKL_ERR_TOO_MANY_SESSIONS' } });
  await service.close();
  const { status } = await store.redis.hgetall(`${own.prefix}:replays:${String(body['id'])}`);
  t.equal(status, 'stopped', 'the end of the process stops it, and says so');
});

void t.test('a page of another site changes nothing', async (t) => {
  const own = { ...server, prefix: `${server.prefix}-foreign` };
  const { address } = await startTestService(t, own, { ...petstore.environment, ROLE: 'receiver' });
  const one = `${address}/admin/api/deliveries/petstore/evt_1/replay`;
  const foreign = { status: 403, body: { code: 'HKL_ERR_CROSS_SITE' } };
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/jsonp',
  ]) {
    t.match(await post(one, '{}', { 'content-type': type }), foreign, type);
  }
  t.match(await ask(one, { method: 'POST' }), foreign, 'no type at all');
  t.match(
    await post(one, {}, { ...JSON_TYPE, 'sec-fetch-site': 'cross-site' }),
    foreign,
    'a browser that says so',
  );
  t.match(
    await post(`${address}/admin/api/replays`, '{"filter":{}}', { 'content-type': 'text/plain' }),
    foreign,
  );
  t.match(
    await post(one, {}, { ...JSON_TYPE, 'sec-fetch-site': 'same-origin' }),
    { status: 404 },
    'ours may',
  );
});

void t.test('with credentials', async (t) => {
  const own = { ...server, prefix: `${server.prefix}-guard` };
  const { address } = await startTestService(t, own, {
    ...petstore.environment,
    ROLE: 'receiver',
    ADMIN_USER: 'ada',
    ADMIN_PASSWORD: 'lovelace-1815',
  });
  const store = await openDeliveries(t, own);
  await addFinished(store.redis, own.prefix, [
    { id: 'evt_1', source: 'petstore', state: 'failed', topic: 'x', receivedAt: 1_000, endedAt: 1_000 },
  ]);
  const authorization = `Basic ${Buffer.from('ada:lovelace-1815').toString('base64')}`;
  const one = `${address}/admin/api/deliveries/petstore/evt_1/replay`;
  for (const path of ['deliveries', 'replays']) {
    t.match(await ask(`${address}/admin/api/${path}`), {
      status: 401,
      body: { code: 'HKL_ERR_ADMIN_UNAUTHORIZED' },
    });
  }
  t.match(await post(one), { status: 401 });
  t.match(await post(`${address}/admin/api/replays`, { filter: {} }), { status: 401 });
  t.match(await post(one, {}, { ...JSON_TYPE, authorization }), { status: 200, body: { by: 'admin:ada' } });
});
