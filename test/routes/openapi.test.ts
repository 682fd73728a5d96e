/** `/admin/api/openapi.json` says what the routes do: what it allows they take, what it forbids they refuse. */
import { randomUUID } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import t, { type Test } from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

interface Operation {
  summary?: string;
  parameters?: Array<{
    in: string;
    name: string;
    description?: string;
    required?: boolean;
    schema: Record<string, unknown>;
  }>;
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { content: Record<string, { schema: object }> }>;
}

interface Description {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

const ROUTES = [
  'get /admin/api/deliveries',
  'get /admin/api/deliveries/{source}/{id}',
  'get /admin/api/deliveries/{source}/{id}/content',
  'get /admin/api/overview',
  'post /admin/api/deliveries/{source}/{id}/discard',
  'post /admin/api/deliveries/{source}/{id}/replay',
  'post /admin/api/discards',
  'get /admin/api/replays',
  'post /admin/api/replays',
  'get /admin/api/replays/{id}',
  'post /admin/api/replays/{id}/resume',
  'post /admin/api/replays/{id}/stop',
].sort();

const sender = createPetstoreSender({ secret: 'a-test-secret' });
const store = await openStore(t);
const QUICK = { ...sender.environment, SHUTDOWN_TIMEOUT: '100ms' };
const { address } = await startTestService(t, store, QUICK);
const described = await fetch(`${address}/admin/api/openapi.json`);
const description = (await described.json()) as Description;
const ajv = addFormats.default(new Ajv2020({ strict: false }));

function operation(route: string): Operation {
  const [method = '', path = ''] = route.split(' ');
  const found = description.paths[path]?.[method];
  if (!found) throw new Error(`${route} is not described`);
  return found;
}

/** Sends a request, and compares the answer with what is said of it. */
async function ask(t: Test, route: string, url: string, body?: unknown): Promise<unknown> {
  const [method = ''] = route.split(' ');
  const response = await fetch(address + url, {
    method,
    ...(method === 'post' && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body ?? {}),
    }),
  });
  const answer: unknown = await response.json();
  const { responses } = operation(route);
  const schema = (responses[String(response.status)] ?? responses['default'])?.content['application/json']
    ?.schema;
  const valid = ajv.compile(schema ?? false);
  t.ok(valid(answer), `${route} ${response.status}: ${ajv.errorsText(valid.errors)}`);
  return answer;
}

async function statusOf(query: string): Promise<number> {
  return (await fetch(`${address}/admin/api/deliveries?${query}`)).status;
}

void t.test('OpenAPI 3.1 of every route of /admin/api, and of nothing else', async (t) => {
  t.match(described.headers.get('content-type'), /^application\/json/);
  t.equal(description.openapi, '3.1.0');
  const routes = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  t.same(routes.sort(), ROUTES);
  for (const route of routes) t.ok(operation(route).summary, `${route} has a summary`);
});

void t.test('answers are as described', async (t) => {
  const id = randomUUID();
  await post(address, await sender.request({ topic: 'nobody.handles.this', data: {} }, { id }), {
    timeoutMs: 20_000,
  });
  await untilState(address, 'petstore', id);
  const one = 'get /admin/api/deliveries/{source}/{id}';
  t.match(await ask(t, 'get /admin/api/deliveries', '/admin/api/deliveries?source=petstore'), {
    deliveries: [{ id }],
  });
  t.match(await ask(t, one, `/admin/api/deliveries/petstore/${id}`), { state: 'failed' });
  t.match(await ask(t, one, '/admin/api/deliveries/petstore/unknown'), { statusCode: 404 });
  const content = await ask(t, `${one}/content`, `/admin/api/deliveries/petstore/${id}/content`);
  t.match(content, { payload: { id }, note: null });
  t.match(await ask(t, 'get /admin/api/overview', '/admin/api/overview'), { sources: Array });
  const replay = 'post /admin/api/deliveries/{source}/{id}/replay';
  t.match(await ask(t, replay, `/admin/api/deliveries/petstore/${id}/replay`), { action: 'replay' });
  t.match(await ask(t, replay, `/admin/api/deliveries/petstore/${id}/replay`, { nonsense: 1 }), {
    statusCode: 400,
  });
  const preview = { filter: { source: 'petstore' }, dryRun: true };
  t.match(await ask(t, 'post /admin/api/discards', '/admin/api/discards', preview), { total: Number });
  const started = await ask(t, 'post /admin/api/replays', '/admin/api/replays', {
    filter: { source: 'petstore' },
  });
  const session = (started as { id: string }).id;
  t.match(await ask(t, 'get /admin/api/replays', '/admin/api/replays'), { sessions: Array });
  t.match(await ask(t, 'get /admin/api/replays/{id}', `/admin/api/replays/${session}`), { id: session });
  t.match(await ask(t, 'get /admin/api/replays/{id}', '/admin/api/replays/none'), { statusCode: 404 });
});

void t.test('what is asked for is what is checked', async (t) => {
  const parameters = operation('get /admin/api/deliveries').parameters ?? [];
  const names = parameters.map(({ name }) => name).sort();
  t.same(names, ['cursor', 'id', 'limit', 'reason', 'since', 'source', 'state', 'tenant', 'topic', 'until']);
  t.ok(parameters.every((parameter) => parameter.in === 'query' && !parameter.required));
  const schemaOf = (name: string) => parameters.find((parameter) => parameter.name === name)?.schema;

  const { minimum, maximum } = schemaOf('limit') as { minimum: number; maximum: number };
  t.same([await statusOf(`limit=${minimum}`), await statusOf(`limit=${maximum}`)], [200, 200]);
  t.same([await statusOf(`limit=${minimum - 1}`), await statusOf(`limit=${maximum + 1}`)], [400, 400]);

  const { enum: states } = schemaOf('state') as { enum: string[] };
  t.ok(states.length > 5);
  for (const state of states) t.equal(await statusOf(`state=${state}`), 200, state);
  t.equal(await statusOf('state=another'), 400);
  const since = parameters.find(({ name }) => name === 'since');
  t.match(since, { description: /2026-01-31T08:00:00Z/, schema: { type: 'string' } });

  const body = operation('post /admin/api/replays').requestBody?.content['application/json']?.schema;
  const valid = ajv.compile(body ?? false);
  const given = [
    { filter: { source: 'petstore' }, dryRun: true },
    { filter: { source: 1 } },
    { filters: {} },
    {},
  ];
  for (const each of given) {
    const { status } = await fetch(`${address}/admin/api/replays`, {
      method: 'post',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(each),
    });
    t.equal(valid(each), status !== 400, `${JSON.stringify(each)} is answered ${status}`);
  }
});

void t.test('it is behind the guard', async (t) => {
  const guarded = await startTestService(t, store, {
    ...QUICK,
    ADMIN_USER: 'ann',
    ADMIN_PASSWORD: 'a password',
  });
  const url = `${guarded.address}/admin/api/openapi.json`;
  t.equal((await fetch(url)).status, 401);
  const authorization = `Basic ${Buffer.from('ann:a password').toString('base64')}`;
  t.equal((await fetch(url, { headers: { authorization } })).status, 200);
});
