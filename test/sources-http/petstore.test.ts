/** What is Petstore's own: two header names, secrets in rotation, two spellings of its events. */
import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { post } from '../../senders/sender.js';
import { lookUp, untilState } from '../support/deliveries.js';
import { hmac } from '../support/openssl.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';

const GITHUB = "It's a Secret to Everybody";
const GITHUB_SIGNATURE = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
const OLD = 'the old secret';
const NEW = 'the new secret';

const store = await openStore(t);

async function start(t: Test, secrets: string) {
  const { address } = await startTestService(t, store, {
    PETSTORE_WEBHOOK_SECRET: secrets,
    SHUTDOWN_TIMEOUT: '100ms',
  });
  const send = async (body: string | object, headers: Record<string, string>) => {
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    const path = '/webhooks/petstore';
    const { status, body: text } = await post(
      address,
      { path, method: 'POST', headers, body: bytes, id: '', topic: '' },
      { timeoutMs: 10_000 },
    );
    return { ...(JSON.parse(text) as { id: string; status: string; code: string }), httpStatus: status };
  };
  const signed = (body: object, secret: string, header = 'X-Petstore-Signature') =>
    send(body, { [header]: `sha256=${hmac(secret, JSON.stringify(body))}` });
  return { address, send, signed };
}

void t.test('the vector of GitHub’s documentation, the same scheme', async (t) => {
  const { address, send } = await start(t, GITHUB);
  const accepted = await send('Hello, World!', { 'X-Petstore-Signature': GITHUB_SIGNATURE });
  t.match(accepted, { httpStatus: 200, id: /^sha256-[0-9a-f]{64}$/ });
  t.match(await untilState(address, 'petstore', accepted.id), {
    state: 'failed',
    failedReason: /not valid JSON/,
  });
  const other = await send('Hello, World?', { 'X-Petstore-Signature': GITHUB_SIGNATURE });
  t.match(other, { httpStatus: 401, code: 'HKL_ERR_UNAUTHORIZED' });
});

void t.test('both names of the signature’s header', async (t) => {
  const { send, signed } = await start(t, NEW);
  const event = () => ({ id: randomUUID(), eventType: 'pet.adopted', data: {} });
  for (const name of ['X-Petstore-Signature', 'X-Webhook-Signature', 'x-PETSTORE-signature']) {
    t.equal((await signed(event(), NEW, name)).httpStatus, 200, name);
    t.equal((await signed(event(), OLD, name)).httpStatus, 401, `${name}, another secret`);
  }
  t.equal((await signed(event(), NEW, 'X-Signature')).httpStatus, 401, 'no other name');

  const body = event();
  const good = `sha256=${hmac(NEW, JSON.stringify(body))}`;
  const bad = `sha256=${hmac(OLD, JSON.stringify(body))}`;
  t.equal((await send(body, { 'X-Petstore-Signature': bad, 'X-Webhook-Signature': bad })).httpStatus, 401);
  t.equal((await send(body, { 'X-Petstore-Signature': bad, 'X-Webhook-Signature': good })).httpStatus, 200);
});

void t.test('an empty body, signed, is authentic', async (t) => {
  const { address, send } = await start(t, NEW);
  const accepted = await send('', { 'X-Petstore-Signature': `sha256=${hmac(NEW, '')}` });
  t.equal(accepted.httpStatus, 200);
  t.match(await untilState(address, 'petstore', accepted.id), {
    state: 'failed',
    failedReason: /not valid JSON/,
  });
});

void t.test('while a secret is rotated both are taken', async (t) => {
  const { signed } = await start(t, ` ${NEW}, ${OLD} ,`);
  const event = () => ({ id: randomUUID(), eventType: 'pet.adopted', data: {} });
  t.equal((await signed(event(), OLD)).httpStatus, 200);
  t.equal((await signed(event(), NEW)).httpStatus, 200);
  t.equal((await signed(event(), 'a third secret')).httpStatus, 401);
  t.equal((await signed(event(), `${NEW}, ${OLD}`)).httpStatus, 401, 'nor the two as one');
});

void t.test('the spellings of the provider’s reference', async (t) => {
  const { address, signed } = await start(t, NEW);
  const eventId = randomUUID();
  const change = { order: { id: 'o-1' }, previousStatus: 'PLACED', newStatus: 'APPROVED' };
  const event = {
    eventId,
    eventType: 'order.statusChanged',
    timestamp: '2025-01-06T12:00:00Z',
    data: change,
  };
  t.match(await signed(event, NEW, 'X-Webhook-Signature'), {
    httpStatus: 200,
    status: 'accepted',
    id: eventId,
  });
  t.match(await untilState(address, 'petstore', eventId), {
    state: 'completed',
    topic: 'order.statusChanged',
    triggeredAt: '2025-01-06T12:00:00Z',
  });
  const same = { ...event, id: eventId, eventId: undefined, eventType: 'order.status_changed' };
  t.match(await signed(same, NEW), { httpStatus: 200, status: 'duplicate', id: eventId }, 'one id');

  const both = { id: randomUUID(), eventId: randomUUID(), eventType: 'pet.adopted', data: {} };
  t.equal((await signed(both, NEW)).id, both.id, 'id goes before eventId');
  t.equal(await lookUp(address, 'petstore', both.eventId), undefined);
});
