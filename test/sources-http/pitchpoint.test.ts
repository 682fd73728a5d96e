/** What is Pitchpoint's own: the token is all that is signed, and the headers name the event. */
import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { post } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { makeRsaKey, makeToken, rsaSign, startTinyServer } from '../support/openssl.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const store = await openStore(t);

async function start(t: Test, environment: Record<string, string> = {}) {
  const [server, key] = await Promise.all([startTinyServer(t), makeRsaKey(t)]);
  const jwk = { kty: 'RSA', kid: 'a', n: key.n, e: key.e };
  server.answers['/.well-known/jwks.json'] = JSON.stringify({ keys: [jwk] });
  const { address } = await startTestService(t, store, {
    PITCHPOINT_ISSUER: server.origin,
    PITCHPOINT_AUDIENCE: 'acme',
    SHUTDOWN_TIMEOUT: '100ms',
    ...environment,
  });
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: server.origin, aud: 'acme', sub: 'pps', iat: now, exp: now + 3_600 };
  const token = makeToken({ alg: 'RS256', kid: 'a' }, claims, (input) => rsaSign(key, input));
  const send = async (headers: Record<string, string>, body = '{}') => {
    const path = '/webhooks/pitchpoint';
    const { status, body: text } = await post(
      address,
      {
        path,
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'X-Pps-Topic': 'orders/placed', ...headers },
        body: Buffer.from(body),
        id: '',
        topic: '',
      },
      { timeoutMs: 10_000 },
    );
    return { httpStatus: status, ...(JSON.parse(text) as { id: string; status: string }) };
  };
  return { address, token, send };
}

void t.test('a body changed on the way is accepted: the token does not cover it', async (t) => {
  const { address, send } = await start(t);
  const id = randomUUID();
  t.match(await send({ 'X-Pps-Webhook-Id': id }, '{"amount":1,"changed":true}'), {
    httpStatus: 200,
    status: 'accepted',
  });
  t.match(await untilState(address, 'pitchpoint', id), { state: 'completed' });
  t.match(await send({ 'X-Pps-Webhook-Id': id }, '{"amount":2}'), { status: 'duplicate' }, 'the id decides');
});

void t.test('an empty body, and one that is no JSON, are authentic and quarantined', async (t) => {
  const { address, send } = await start(t);
  for (const body of ['', 'nothing', '{"a":']) {
    const id = randomUUID();
    t.match(await send({ 'X-Pps-Webhook-Id': id }, body), { httpStatus: 200, status: 'accepted' });
    t.match(await untilState(address, 'pitchpoint', id), {
      state: 'failed',
      attemptsMade: 1,
      failedReason: /not valid JSON/,
    });
  }
});

void t.test('the headers name the event', async (t) => {
  const { address, send } = await start(t);
  const id = randomUUID();
  await send({
    'X-Pps-Webhook-Id': id,
    'X-Pps-Topic': 'orders/updated',
    'X-Pps-Sub-Topic': 'product:adv/adv-120',
    'X-Pps-Tenant-Id': 'OU1243',
    'X-Pps-Triggered-At': '2024-01-1T10:00:00.7777748Z',
  });
  t.match(await untilState(address, 'pitchpoint', id), {
    source: 'pitchpoint',
    id,
    topic: 'orders/updated',
    subTopic: 'product:adv/adv-120',
    tenantId: 'OU1243',
    triggeredAt: '2024-01-1T10:00:00.7777748Z',
    state: 'completed',
  });
});

void t.test('two events without an id and with the same body, of different topics', async (t) => {
  const { send } = await start(t);
  const first = await send({ 'X-Pps-Topic': 'orders/placed' });
  const second = await send({ 'X-Pps-Topic': 'orders/updated' });
  t.match(first, { httpStatus: 200, status: 'accepted' });
  t.match(second, { httpStatus: 200, status: 'accepted' });
  t.not(first.id, second.id);
  t.match(await send({ 'X-Pps-Topic': 'orders/placed' }), { status: 'duplicate', id: first.id });
});

void t.test('tenants that are not let in are refused', async (t) => {
  const { send } = await start(t, { PITCHPOINT_TENANTS: 'OU1, OU2' });
  t.match(await send({ 'X-Pps-Tenant-Id': 'OU2' }), { httpStatus: 200 });
  for (const tenant of ['OU3', 'ou2', '*', ''])
    t.match(await send({ 'X-Pps-Tenant-Id': tenant }), { httpStatus: 403 }, tenant);
  t.match(await send({}), { httpStatus: 403 }, 'none');
});

void t.test('a key server that cannot be asked is our fault, not the sender’s', async (t) => {
  // A port that nobody listens on: issuer and keys are only ever asked for there.
  const { address, token } = await start(t, { PITCHPOINT_JWKS_URI: 'http://127.0.0.1:1/keys' });
  const answer = await fetch(`${address}/webhooks/pitchpoint`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: '{}',
  });
  t.equal(answer.status, 503);
  t.match(answer.headers.get('retry-after'), /^[1-9]\d*$/);
  t.match(await answer.json(), { statusCode: 503, code: 'HKL_ERR_KEYS_UNAVAILABLE' });
});
