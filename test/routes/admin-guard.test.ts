/** Who may see /admin, at every path below it. */
import http from 'node:http';
import os from 'node:os';
import t, { type Test } from 'tap';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

// With this the dashboard would add stacks to its own errors.
process.env['NODE_ENV'] = 'development';

const store = await openStore(t);
const QUICK = { SHUTDOWN_TIMEOUT: '100ms', ROLE: 'receiver' };
const PATHS = [
  '/admin',
  '/admin/deliveries',
  '/admin/queues',
  '/admin/queues/',
  '/admin/queues/queue/petstore',
  '/admin/queues/api/queues',
  '/admin/queues/api/redis/stats',
  '/admin/queues/api/queues/petstore/1',
  '/admin/api/deliveries/petstore/unknown',
];
const CODES = { 401: 'HKL_ERR_ADMIN_UNAUTHORIZED', 404: 'HKL_ERR_NOT_FOUND' };

/** Without fetch, which does not let the Host header be chosen. */
function get(
  address: string,
  path: string,
  headers: Record<string, string | string[]> = {},
  method = 'GET',
): Promise<{ status: number; headers: http.IncomingHttpHeaders; body: string }> {
  return new Promise((resolve, reject) => {
    const request = http.request(address + path, { headers, method, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    request.on('error', reject).end();
  });
}

function basic(text: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(text).toString('base64')}` };
}

type Got = Awaited<ReturnType<typeof get>>;

/** The answer of the guard itself, in the shape of every error, and never a page. */
function isRefused(t: Test, status: 401 | 404, { status: given, headers, body }: Got, name: string) {
  t.equal(given, status, name);
  t.match(headers['content-type'], /^application\/json/, `${name}: JSON`);
  t.match(JSON.parse(body), { statusCode: status, code: CODES[status] }, name);
  t.notMatch(body, /\bat .*:\d+:\d+|node_modules/, `${name}: no stack`);
  const challenge = headers['www-authenticate'];
  if (status === 401) t.match(challenge, /^Basic realm="[^"]+"/, `${name}: a browser asks for the password`);
  else t.equal(challenge, undefined, `${name}: nothing is asked for`);
}

void t.test('without credentials: this machine only', async (t) => {
  const { address } = await startTestService(t, store, QUICK);
  const { port } = new URL(address);
  for (const path of PATHS.slice(0, 6)) t.equal((await get(address, path)).status, 200, path);
  for (const host of [
    `localhost:${port}`,
    'localhost',
    '127.0.0.1',
    '127.1.2.3:80',
    '[::1]:3000',
    'LOCALHOST',
  ])
    t.equal((await get(address, '/admin/queues', { host })).status, 200, host);

  const foreign: Array<Record<string, string | string[]>> = [
    { host: 'attacker.example' },
    { host: 'localhost.attacker.example' },
    { host: '127.0.0.1.attacker.example' },
    { host: 'attacker.example:3000' },
    { host: 'localhost@attacker.example' },
    { 'x-forwarded-for': '127.0.0.1' },
    { 'x-forwarded-for': '' },
    { 'X-Forwarded-For': ['10.0.0.1', '127.0.0.1'] },
    { forwarded: 'for=127.0.0.1' },
  ];
  for (const path of PATHS) {
    for (const headers of foreign)
      isRefused(t, 404, await get(address, path, headers), `${path} ${JSON.stringify(headers)}`);
  }
});

const outside = Object.values(os.networkInterfaces())
  .flat()
  .find((face) => face?.family === 'IPv4' && !face.internal)?.address;

void t.test(
  'without credentials: nobody from another address',
  { skip: outside === undefined && 'this machine has no other address' },
  async (t) => {
    const { address } = await startTestService(t, store, { ...QUICK, HOST: String(outside) });
    for (const path of PATHS) {
      const answer = await get(address, path, { host: 'localhost' });
      isRefused(t, 404, answer, `${path} from ${outside}`);
    }
  },
);

void t.test('with credentials', async (t) => {
  const credentials = { ADMIN_USER: 'admin', ADMIN_PASSWORD: 'pass:wörd' };
  const { address } = await startTestService(t, store, { ...QUICK, ...credentials });
  const right = basic('admin:pass:wörd');
  for (const path of PATHS.slice(0, 6)) t.equal((await get(address, path, right)).status, 200, path);
  const away = { ...right, host: 'hooks.example', 'x-forwarded-for': '10.0.0.1' };
  t.equal((await get(address, '/admin/queues', away)).status, 200, 'from anywhere');

  const wrong: Array<Record<string, string>> = [
    {},
    basic('admin:pass:word'),
    basic('admin:pass'),
    basic('Admin:pass:wörd'),
    basic('admin:pass:wörd '),
    basic(':pass:wörd'),
    basic('admin'),
    basic(''),
    { authorization: 'Basic' },
    { authorization: 'Basic ***' },
    { authorization: 'admin:pass:wörd' },
    { authorization: right['authorization']?.replace('Basic', 'Bearer') ?? '' },
  ];
  for (const path of PATHS) {
    for (const headers of wrong) {
      const sent = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
      );
      isRefused(t, 401, await get(address, path, sent), `${path} ${JSON.stringify(headers)}`);
    }
  }
});

void t.test('production without credentials: as if there were no /admin', async (t) => {
  const { address } = await startTestService(t, store, { ...QUICK, NODE_ENV: 'production' });
  const none = await get(address, '/nothing-here');
  for (const path of PATHS) {
    const answer = await get(address, path);
    isRefused(t, 404, answer, path);
    t.equal(answer.body, none.body, `${path}: not to be told from what is not there`);
    isRefused(t, 404, await get(address, path, basic('admin:admin')), `${path}, with credentials`);
    for (const method of ['PUT', 'POST', 'DELETE'])
      t.equal((await get(address, path, {}, method)).status, 404, `${method} ${path}`);
  }
  t.equal((await get(address, '/health/live')).status, 200, 'all else is there');
});

void t.test('every answer keeps browsers from framing, sniffing and storing it', async (t) => {
  const { address } = await startTestService(t, store, QUICK);
  for (const path of PATHS) {
    const { headers } = await get(address, path);
    t.match(headers, { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }, path);
    t.match(headers['content-security-policy'], /frame-ancestors 'none'/, path);
  }
});

void t.test('the guard stands before the static files too', async (t) => {
  const { address } = await startTestService(t, store, QUICK);
  const page = await get(address, '/admin/queues');
  const [, file = ''] = /(?:src|href)="((?:\/admin\/queues\/)?static\/[^"]+\.js)"/.exec(page.body) ?? [];
  t.not(file, '', 'the page names one');
  const path = file.startsWith('/') ? file : `/admin/queues/${file}`;
  t.equal((await get(address, path)).status, 200);
  isRefused(t, 404, await get(address, path, { host: 'attacker.example' }), path);
});
