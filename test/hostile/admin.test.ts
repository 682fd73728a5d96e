/** /admin: who guesses is locked out, who is another site's page changes nothing, and every change is written down. */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { until, untilState } from '../support/deliveries.js';
import { startTestService, type TestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const store = await openStore(t);
const petstore = createPetstoreSender({ secret: 'a-test-secret' });
const BASE = { ...petstore.environment, SHUTDOWN_TIMEOUT: '100ms' };
const USER = { ADMIN_USER: 'admin', ADMIN_PASSWORD: 'the-right-one' };
const RIGHT = { authorization: basic('admin:the-right-one') };

function basic(text: string): string {
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  from?: string;
}

/** Without fetch, which has a Host and a Sec-Fetch-Site of its own. */
function ask(
  { address }: TestService,
  path: string,
  { method = 'GET', headers = {}, body = '', from }: Asked = {},
) {
  return new Promise<{ status: number; code: string; headers: http.IncomingHttpHeaders }>(
    (resolve, reject) => {
      const options = {
        method,
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        agent: false,
      };
      http
        .request(address + path, { ...options, localAddress: from ?? '127.0.0.1' }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => (text += part));
          response.on('end', () => {
            const { code = '' } = (text.startsWith('{') ? JSON.parse(text) : {}) as { code?: string };
            resolve({ status: response.statusCode ?? 0, code, headers: response.headers });
          });
        })
        .on('error', reject)
        .end(body);
    },
  );
}

/** Guesses are counted in windows of five minutes, one of which must not end in the middle of a test. */
async function untilWindowLasts(milliseconds: number): Promise<void> {
  const left = 300_000 - (Date.now() % 300_000);
  if (left < milliseconds) await sleep(left);
}

/** A job that has failed, and the path by which the dashboard would retry it. */
async function failedJob(service: TestService) {
  const request = await petstore.request({ topic: 'nobody.takes.this', data: {} });
  await post(service.address, request, { timeoutMs: 10_000 });
  const id = request.id;
  let jobId = '';
  await until('it to fail', async () => {
    const found = await fetch(`${service.address}/admin/api/deliveries/petstore/${id}`, { headers: RIGHT });
    const delivery = (await found.json()) as { state?: string; jobId?: string };
    jobId = delivery.jobId ?? '';
    return delivery.state === 'failed';
  });
  return { id, retry: `/admin/queues/api/queues/petstore/${encodeURIComponent(jobId)}/retry` };
}

void t.test('ten different wrong passwords lock an address out', async (t) => {
  await untilWindowLasts(20_000);
  const service = await startTestService(t, store, { ...BASE, ...USER });
  const guess = (text: string, from = '127.0.8.1') =>
    ask(service, '/admin/queues', { headers: { authorization: basic(text) }, from });
  for (let count = 0; count < 30; count += 1) t.equal((await guess('admin:the-same')).status, 401);
  for (let count = 0; count < 5; count += 1)
    t.equal((await ask(service, '/admin/queues', { from: '127.0.8.1' })).status, 401);
  t.equal((await guess('admin:the-right-one')).status, 200, 'one password, and none, many times: a browser');

  for (let count = 1; count < 10; count += 1)
    t.equal((await guess(`admin:guess-${count}`)).status, 401, `guess ${count + 1}`);
  t.match(await guess('admin:guess-10'), {
    status: 429,
    code: 'HKL_ERR_ADMIN_LOCKED',
    headers: { 'retry-after': /^\d+$/ },
  });
  t.equal(
    (await guess('admin:the-right-one')).status,
    429,
    'even with the right one: or guessing would go on',
  );
  t.equal((await guess('admin:the-right-one', '127.0.8.2')).status, 200, 'another address is not concerned');
  t.equal(service.lines.filter(({ msg }) => String(msg).startsWith('too many wrong passwords')).length, 1);
  t.notMatch(JSON.stringify(service.lines), /guess-1|the-right-one|the-same/, 'no password is logged');
});

void t.test('a change must come from the dashboard itself, or from no browser', async (t) => {
  const service = await startTestService(t, store, { ...BASE, ...USER });
  const { host } = new URL(service.address);
  const { retry } = await failedJob(service);
  const other: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', origin: `http://${host}` },
    { 'sec-fetch-site': 'anything' },
    { origin: 'https://attacker.example' },
    { origin: 'null' },
    { origin: '' },
    { origin: `http://${host}.attacker.example` },
    { origin: `http://attacker.example/?${host}` },
    { origin: `http://${host}@attacker.example` },
  ];
  for (const headers of other) {
    for (const method of ['PUT', 'POST', 'DELETE', 'PATCH']) {
      const answer = await ask(service, retry, { method, headers: { ...RIGHT, ...headers } });
      const routed = method === 'PUT';
      if (routed) t.match(answer, { status: 403, code: 'HKL_ERR_CROSS_SITE' }, JSON.stringify(headers));
      else t.ok([403, 404].includes(answer.status), `${method}: ${answer.status}`);
    }
    t.equal(
      (await ask(service, '/admin/queues/api/queues', { headers: { ...RIGHT, ...headers } })).status,
      200,
      'reading',
    );
  }
  for (const headers of [
    {},
    { origin: `http://${host}` },
    { 'sec-fetch-site': 'same-origin', origin: 'https://proxied.example' },
  ]) {
    const { retry: path } = await failedJob(service);
    t.match(
      await ask(service, path, { method: 'PUT', headers: { ...RIGHT, ...headers } }),
      { status: 204 },
      JSON.stringify(headers),
    );
  }
});

void t.test('a change is written down: what, when, from where', async (t) => {
  const service = await startTestService(t, store, { ...BASE, ...USER });
  const { retry } = await failedJob(service);
  const audit = () => service.lines.filter((line) => line['audit'] === 'change');
  await ask(service, `${retry}?token=in-the-query`, { method: 'PUT', headers: RIGHT });
  await until('the line', () => audit().length === 1);
  t.match(audit()[0], {
    level: 30,
    time: Number,
    method: 'PUT',
    path: retry,
    status: 204,
    address: '127.0.0.1',
    by: 'ADMIN_USER',
  });
  await ask(service, retry, { method: 'PUT', headers: { ...RIGHT, origin: 'https://attacker.example' } });
  await until('the line', () => audit().length === 2);
  t.match(audit()[1], { status: 403 }, 'one that was refused, too');
  await ask(service, retry, { method: 'PUT' });
  await ask(service, '/admin/queues', { headers: RIGHT });
  t.equal(audit().length, 2, 'not one of a stranger, nor reading');
  t.notMatch(JSON.stringify(service.lines), /in-the-query|the-right-one/);
});

void t.test('ADMIN_READONLY', async (t) => {
  const service = await startTestService(t, store, { ...BASE, ADMIN_READONLY: 'true' });
  const { id, retry } = await failedJob(service);
  t.match(await ask(service, retry, { method: 'PUT' }), { status: 403, code: 'HKL_ERR_READ_ONLY' });
  const clean = '/admin/queues/api/queues/petstore/clean/failed';
  t.match(await ask(service, clean, { method: 'PUT' }), { status: 403, code: 'HKL_ERR_READ_ONLY' });
  t.equal(
    (await untilState(service.address, 'petstore', id, 'failed'))['attemptsMade'],
    1,
    'it is as it was',
  );
  const queues = (await (await fetch(`${service.address}/admin/queues/api/queues`)).json()) as {
    queues: Array<{ readOnlyMode: boolean }>;
  };
  t.ok(
    queues.queues.every(({ readOnlyMode }) => readOnlyMode),
    'and the dashboard shows no buttons',
  );
});

void t.test('what is sent to change something is bounded, and no prototype', async (t) => {
  const service = await startTestService(t, store, BASE);
  const add = (body: string, type = 'application/json') =>
    ask(service, '/admin/queues/api/queues/petstore/add', {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
  t.match(await add('{"name":"x","data":{"__proto__":{"polluted":true}}}'), { status: 400 });
  t.match(await add('{"constructor":{"prototype":{"polluted":true}}}'), { status: 400 });
  t.match(await add('{'.repeat(100_000)), { status: 400 });
  t.equal((await add(`{"data":"${'x'.repeat(2 * 1024 ** 2)}"}`)).status, 413);
  t.ok([400, 415].includes((await add('<x/>', 'application/xml')).status));
  t.equal((Object.prototype as { polluted?: boolean }).polluted, undefined);
});

const SPELLINGS = [
  '/admin/queues',
  '/admin/queues/',
  '/admin/queues/api/queues',
  '/admin/queues/api/queues/',
  '/admin/queues/static/',
  '/admin/api/deliveries/petstore/x',
  '/admin/%71ueues',
  '/%61dmin/queues',
  '/admin%2Fqueues',
  '//admin/queues',
  '/admin//queues',
  '/./admin/queues',
  '/x/../admin/queues',
  '/ADMIN/queues',
  '/admin/queues;x=1',
  '/admin/queues?x=/health/live',
  '/admin/queues%00',
  '/health/live/../../admin/queues',
];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'];

void t.test('production: nothing without credentials, however it is asked for', async (t) => {
  const production = { ...BASE, NODE_ENV: 'production' };
  const [closed, open] = [
    await startTestService(t, store, production),
    await startTestService(t, store, { ...production, ...USER }),
  ];
  const forged = [
    {},
    { host: 'localhost' },
    { 'x-forwarded-for': '127.0.0.1' },
    { 'x-original-url': '/admin/queues' },
  ];
  for (const path of SPELLINGS) {
    for (const method of METHODS) {
      for (const headers of forged) {
        const name = `${method} ${path} ${JSON.stringify(headers)}`;
        const nothing = await ask(closed, path, { method, headers });
        t.ok([400, 404].includes(nothing.status), `${name}, none set: ${nothing.status}`);
        const { status } = await ask(open, path, { method, headers });
        t.ok([400, 401, 404].includes(status), `${name}: ${status}`);
      }
    }
  }
  t.equal((await ask(open, '/admin/queues', { headers: RIGHT })).status, 200, 'with them there is something');
});
