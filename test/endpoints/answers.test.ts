/** Answers in the shapes that Petstore's API may have, where its guide does not show them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { PetstoreApi } from '../../lib/petstore-api/client.js';
import { readEndpoint, readEndpoints } from '../../lib/petstore-api/endpoint.js';

const url = 'https://h.example.com/webhooks/petstore';
const plain = { id: 'wh_1', url, events: ['pet.adopted'], status: 'active', createdAt: null };

void t.test('an endpoint', async (t) => {
  const same: unknown[] = [
    { id: 'wh_1', url, events: ['pet.adopted'], status: 'ACTIVE' },
    { data: { webhookId: 'wh_1', url, eventTypes: ['pet.adopted'], enabled: true } },
    { webhook: { webhook_id: 'wh_1', endpointUrl: url, event_types: ['pet.adopted', 7], isActive: true } },
    { id: 'wh_1', url, events: ['pet.adopted'], state: 'active', secret: 'never kept' },
  ];
  for (const answer of same) t.same(readEndpoint(answer), plain);
  t.match(readEndpoint({ id: 7, url, status: 'inactive' }), { id: '7', status: 'inactive', events: [] });
  t.match(readEndpoint({ id: 'a', url, enabled: false }), { status: 'disabled' });
  t.match(readEndpoint({ id: 'a', url }), { status: 'unknown' });
  for (const none of [null, 'text', [], {}, { id: 'a' }, { id: null, url }, { data: 7 }]) {
    t.equal(readEndpoint(none), undefined);
  }
});

void t.test('a list', async (t) => {
  for (const answer of [[plain], { data: [plain] }, { webhooks: [plain] }, { items: [plain, null] }]) {
    t.same(readEndpoints(answer), { endpoints: [plain], next: undefined });
  }
  t.same(readEndpoints({ data: [], links: { next: '/v1/webhooks?page=2' } })?.next, '/v1/webhooks?page=2');
  t.equal(readEndpoints({ data: {} }), undefined);
});

interface Seen {
  method: string;
  path: string;
  body: string;
}

/** A server that answers each `METHOD path` as given. */
async function serve(t: Test, answers: Record<string, [status: number, body: unknown]>) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      seen.push({ method: request.method ?? '', path: request.url ?? '', body });
      const [status, answer] = answers[`${request.method} ${request.url}`] ?? [404, {}];
      response.writeHead(status).end(answer === undefined ? undefined : JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.teardown(() => void server.close());
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`;
  return { api: new PetstoreApi({ baseUrl, token: 'x', pauseMs: 1 }), seen };
}

void t.test('pages are followed, and no further than the API', async (t) => {
  const { api, seen } = await serve(t, {
    'GET /v1/webhooks': [200, { data: [plain], links: { next: '/v1/webhooks?page=2' } }],
    'GET /v1/webhooks?page=2': [
      200,
      { data: [{ ...plain, id: 'wh_2' }], links: { next: 'https://evil.example.com/v1/webhooks' } },
    ],
  });
  t.same(
    (await api.list()).map(({ id }) => id),
    ['wh_1', 'wh_2'],
  );
  t.equal(seen.length, 2);
});

void t.test('an API without PATCH is changed with PUT, in full', async (t) => {
  const { api, seen } = await serve(t, {
    'PATCH /v1/webhooks/wh%2F1': [405, {}],
    'GET /v1/webhooks/wh%2F1': [200, { data: { ...plain, status: 'disabled' } }],
    'PUT /v1/webhooks/wh%2F1': [200, { data: plain }],
  });
  t.match(await api.update('wh/1', { status: 'active' }), { status: 'active' });
  t.same(JSON.parse(seen.at(-1)?.body ?? ''), { url, events: ['pet.adopted'], status: 'active' });
});

void t.test('answers that tell little', async (t) => {
  const { api } = await serve(t, {
    'POST /v1/webhooks': [201, undefined],
    'GET /v1/webhooks': [
      200,
      [
        { ...plain, id: 'old' },
        { ...plain, id: 'new' },
      ],
    ],
    'PATCH /v1/webhooks/wh_1': [204, undefined],
    'GET /v1/webhooks/wh_1': [200, plain],
    'POST /v1/webhooks/wh_1/test': [202, undefined],
    'POST /v1/webhooks/wh_2/test': [200, { success: false }],
    'POST /v1/webhooks/wh_3/test': [200, { data: { responseStatus: 503 } }],
  });
  t.match(
    await api.create({ url, events: ['pet.adopted'], secret: 'x' }),
    { id: 'new' },
    'found in the list',
  );
  t.match(await api.update('wh_1', { events: [] }), { id: 'wh_1' }, 'looked up');
  t.same(await api.test('wh_1', 'pet.adopted'), { delivered: null, status: null });
  t.same(await api.test('wh_2', 'pet.adopted'), { delivered: false, status: null });
  t.same(await api.test('wh_3', 'pet.adopted'), { delivered: false, status: 503 });
});
