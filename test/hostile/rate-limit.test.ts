/** How often: refusals by address, deliveries by source, and that nobody authentic pays for what others send. */
import { randomUUID } from 'node:crypto';
import t from 'tap';
import { startPceSender } from '../../senders/pce.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import type { SignedRequest } from '../../senders/sender.js';
import { until } from '../support/deliveries.js';
import { startTestService, type TestService } from '../support/service.js';
import { openStore } from '../support/store.js';
import { exchange, wire } from './support.js';

const store = await openStore(t);
const petstore = createPetstoreSender({ secret: 'a-test-secret' });
const pitchpoint = await startPitchpointSender();
const basic = { user: 'pce', password: 'basic-p4ss' };
const [pce, otherPce] = [await startPceSender({ basic }), await startPceSender({ basic })];
for (const sender of [pitchpoint, pce, otherPce]) t.teardown(() => sender.close());

const BASE = {
  ...petstore.environment,
  ...pitchpoint.environment,
  ...pce.environment,
  PCE_TRUSTED_ORIGINS: `${pce.origin},${otherPce.origin}`,
  SHUTDOWN_TIMEOUT: '100ms',
  // Longer than the test, so that no window ends in the middle of it.
  REFUSAL_LIMIT: '5/1d',
};
const sample = { topic: 'pet.adopted', data: { pet: 1 } };
const CLOSE = { Connection: 'close' };

/** Every test counts under a prefix of its own. */
function start(environment: Record<string, string> = {}): Promise<TestService> {
  return startTestService(
    t,
    { ...store, prefix: `${store.prefix}-${randomUUID().slice(0, 8)}` },
    { ...BASE, ...environment },
  );
}

async function send(service: TestService, request: SignedRequest, from: string, more = {}) {
  const [answer] = await exchange(t, service.address, wire(request, { ...CLOSE, ...more }), from);
  if (!answer) throw new Error('no answer');
  return { ...answer, code: (JSON.parse(answer.body) as { code?: string }).code };
}

async function forge(service: TestService, from: string, times: number, more = {}) {
  const answers = [];
  for (let count = 0; count < times; count += 1)
    answers.push(await send(service, await petstore.request(sample, { tamper: 'signature' }), from, more));
  return answers;
}

function logged(service: TestService, level: number) {
  return service.lines.filter((line) => line['outcome'] === 'refused' && line['level'] === level).length;
}

void t.test('refusals tell how many more there may be, and stay refusals', async (t) => {
  const service = await start();
  const answers = await forge(service, '127.0.1.1', 8);
  t.same(
    answers.map(({ status }) => status),
    Array.from({ length: 8 }, () => 401),
  );
  t.match(answers[0]?.headers, {
    'ratelimit-policy': '"refused";q=5;w=86400',
    ratelimit: /^"refused";r=4;t=\d+$/,
  });
  t.same(
    answers.map(({ headers }) => /r=(\d+)/.exec(headers['ratelimit'] ?? '')?.[1]),
    ['4', '3', '2', '1', '0', '0', '0', '0'],
  );
  t.equal(logged(service, 40), 5, 'each is a warning up to the limit');
  t.equal(logged(service, 20), 3, 'beyond it they do not fill the log');
  t.equal(service.lines.filter(({ msg }) => String(msg).startsWith('too many deliveries')).length, 1);
  const [other] = await forge(service, '127.0.1.2', 1);
  t.match(other?.headers['ratelimit'], /r=4/, 'another address has its own');
});

void t.test('past the limit whoever is authentic is let in all the same', async (t) => {
  const service = await start();
  await forge(service, '127.0.2.1', 10);
  const requests = [
    await petstore.request(sample),
    await pitchpoint.request({ topic: 'orders/placed', data: {} }),
    // Its signature can be checked by keys that are there; its token was never seen.
    await pitchpoint.request({ topic: 'orders/placed', data: {} }, { claims: { jti: randomUUID() } }),
  ];
  for (const request of requests) {
    const { status, headers } = await send(service, request, '127.0.2.1');
    t.equal(status, 200, request.path);
    t.equal(headers['ratelimit'], undefined);
  }
});

void t.test('past the limit nothing is fetched for the address’ sake', async (t) => {
  const service = await start();
  const get = (from: string, request: SignedRequest) => send(service, request, from);
  const message = { topic: 'UserCreated', data: { eventType: 'UserCreated' } };
  t.equal((await get('127.0.3.9', await pce.request(message))).status, 200, 'a certificate that is now held');
  await forge(service, '127.0.3.1', 5);

  const before = otherPce.requests.certificate;
  const unknown = await otherPce.request(message);
  t.match(
    await get('127.0.3.1', unknown),
    { status: 503, code: 'HKL_ERR_KEYS_UNAVAILABLE' },
    'a new certificate',
  );
  t.equal(otherPce.requests.certificate, before, 'was not fetched');
  t.equal((await get('127.0.3.1', await pce.request(message))).status, 200, 'the one that is held will do');
  t.equal((await get('127.0.3.2', unknown)).status, 200, 'and others have it fetched');
  t.equal((await get('127.0.3.1', await otherPce.request(message))).status, 200, 'for all');

  const asked = pitchpoint.requests.jwks;
  await pitchpoint.rotate();
  const rotated = await pitchpoint.request({ topic: 'orders/placed', data: {} });
  t.match(await get('127.0.3.1', rotated), { status: 503, code: 'HKL_ERR_KEYS_UNAVAILABLE' }, 'a new key');
  t.equal(pitchpoint.requests.jwks, asked, 'was not looked up');
  t.equal((await get('127.0.3.2', rotated)).status, 200, 'until another address asked');
  t.equal((await get('127.0.3.1', rotated)).status, 200);
});

void t.test('the first leg of PCE’s handshake is no refusal; a forged one is', async (t) => {
  const service = await start();
  const leg = (options: object) =>
    pce.request(
      { topic: 'UserCreated', data: { eventType: 'UserCreated' } },
      { authenticated: false, ...options },
    );
  for (let count = 0; count < 8; count += 1) {
    const { status, headers } = await send(service, await leg({}), '127.0.4.1');
    t.equal(status, 401);
    t.equal(headers['ratelimit'], undefined);
  }
  const confirmation = await pce.request(
    { topic: 'SubscriptionConfirmation', type: 'SubscriptionConfirmation', data: '' },
    { authenticated: false, tamper: 'signature' },
  );
  t.match((await send(service, confirmation, '127.0.4.1')).headers['ratelimit'], /r=4/);
});

void t.test('X-Forwarded-For is believed of a trusted proxy only', async (t) => {
  const direct = await start();
  const answers = [
    ...(await forge(direct, '127.0.5.1', 1, { 'X-Forwarded-For': '203.0.113.1' })),
    ...(await forge(direct, '127.0.5.1', 1, { 'X-Forwarded-For': '203.0.113.2' })),
  ];
  t.match(answers[1]?.headers['ratelimit'], /r=3/, 'a stranger cannot be many');

  const proxied = await start({ TRUST_PROXY: '127.0.5.2/32' });
  const from = (address: string, forwarded: string) =>
    forge(proxied, address, 1, { 'X-Forwarded-For': forwarded });
  t.match((await from('127.0.5.2', '203.0.113.1'))[0]?.headers['ratelimit'], /r=4/);
  t.match(
    (await from('127.0.5.2', '203.0.113.2'))[0]?.headers['ratelimit'],
    /r=4/,
    'two behind a proxy are two',
  );
  t.match(
    (await from('127.0.5.2', '6.6.6.6, 203.0.113.2'))[0]?.headers['ratelimit'],
    /r=3/,
    'the last is the proxy’s',
  );
  t.match((await from('127.0.5.2', '2001:db8:1:2::1'))[0]?.headers['ratelimit'], /r=4/);
  t.match((await from('127.0.5.2', '2001:db8:1:2:ffff::9'))[0]?.headers['ratelimit'], /r=3/, 'a /64 is one');
  t.match((await from('127.0.5.2', '2001:db8:1:3::1'))[0]?.headers['ratelimit'], /r=4/);
  t.match((await from('127.0.5.2', 'x[31m*?, <b>'))[0]?.status, 401, 'what is no address is no trouble');
  t.match((await from('127.0.5.3', '203.0.113.9'))[0]?.headers['ratelimit'], /r=4/);
  t.match(
    (await from('127.0.5.3', '203.0.113.8'))[0]?.headers['ratelimit'],
    /r=3/,
    'other proxies are strangers',
  );
});

void t.test('receivers count together', async (t) => {
  const prefix = `${store.prefix}-shared`;
  const [a, b] = (await Promise.all(
    [1, 2].map(() => startTestService(t, { ...store, prefix }, { ...BASE, REFUSAL_LIMIT: '20/1d' })),
  )) as [TestService, TestService];
  await forge(a, '127.0.6.1', 10);
  await until('the other to know of it', async () => {
    const [answer] = await forge(b, '127.0.6.1', 1);
    return Number(/r=(\d+)/.exec(answer?.headers['ratelimit'] ?? '')?.[1]) < 10;
  });
});

void t.test('a source may have a limit, past which it is asked to come again', async (t) => {
  const service = await start({ PETSTORE_RATE_LIMIT: '3/1d' });
  for (let count = 0; count < 3; count += 1)
    t.equal((await send(service, await petstore.request(sample), '127.0.7.1')).status, 200);
  const more = await petstore.request(sample);
  const answer = await send(service, more, '127.0.7.1');
  t.match(answer, { status: 503, code: 'HKL_ERR_OVERLOADED', headers: { 'retry-after': /^\d+$/ } });
  const shed = service.lines.find(({ outcome }) => outcome === 'unavailable');
  t.match(shed, { level: 40, reason: /rate limit.*petstore/ });
  t.equal(
    (await send(service, await petstore.request(sample, { tamper: 'signature' }), '127.0.7.1')).status,
    401,
  );
  const other = await pitchpoint.request({ topic: 'orders/placed', data: {} });
  t.equal((await send(service, other, '127.0.7.1')).status, 200, 'other sources have none');
});

void t.test('a flood of unknown kids does not fill the log', async (t) => {
  const service = await start();
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const model = await pitchpoint.request({ topic: 'orders/placed', data: {} });
  const [, claims] = (model.headers['Authorization'] ?? '').split('.');
  const warnings = () =>
    service.lines.filter(({ outcome, level }) => outcome === 'unavailable' && level === 40).length;
  const began = Date.now();
  for (let count = 0; count < 400; count += 1) {
    const token = `${encode({ alg: 'RS256', kid: randomUUID() })}.${claims}.${encode({ count })}`;
    const forged = { ...model, headers: { ...model.headers, Authorization: `Bearer ${token}` } };
    t.ok([403, 503].includes((await send(service, forged, '127.0.9.1')).status));
  }
  const most = 100 + (Date.now() - began) / 600 + 1;
  t.ok(warnings() >= 100 && warnings() <= most, `${warnings()} warnings of 400`);
  const quiet = service.lines.filter(
    ({ outcome, level }) => outcome === 'unavailable' && level === 20,
  ).length;
  t.ok(quiet + warnings() > 350, 'the others are there at debug');
});
