/** A header sent twice is not read as its first value alone: a proxy in front may have looked at the other. */
import t from 'tap';
import { startPceSender } from '../../senders/pce.js';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import type { SignedRequest } from '../../senders/sender.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';
import { exchange } from './support.js';

const store = await openStore(t);
const petstore = createPetstoreSender({ secret: 'a-test-secret' });
const pitchpoint = await startPitchpointSender();
const pce = await startPceSender({ basic: { user: 'pce', password: 'pce-password' } });
t.teardown(async () => {
  await pitchpoint.close();
  await pce.close();
});
const { address } = await startTestService(t, store, {
  ...petstore.environment,
  ...pitchpoint.environment,
  ...pce.environment,
  ADMIN_USER: 'admin',
  ADMIN_PASSWORD: 'the-right-one',
  SHUTDOWN_TIMEOUT: '100ms',
});

type Headers = Array<[name: string, value: string]>;

/** The request with these headers in the place of its own of the same name. */
function bytesOf({ path, headers, body }: SignedRequest, others: Headers): Buffer {
  const names = new Set(others.map(([name]) => name.toLowerCase()));
  const own = Object.entries({ Host: 'localhost', ...headers }).filter(
    ([name]) => !names.has(name.toLowerCase()),
  );
  const all = [...own, ...others, ['Content-Length', String(body.length)], ['Connection', 'close']];
  const lines = all.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines}\r\n`, 'latin1'), body]);
}

async function send(request: SignedRequest, others: Headers): Promise<number | undefined> {
  return (await exchange(t, address, bytesOf(request, others)))[0]?.status;
}

const ANY = 'Bearer a.b.c';

void t.test('two Authorization headers are no credentials, whichever is the right one', async (t) => {
  const cases: Array<[request: SignedRequest, status: number, source: string]> = [
    [await pitchpoint.request({ topic: 'orders/placed', data: {} }), 403, 'pitchpoint'],
    [await pce.request({ topic: 'PaymentSettled', data: {} }), 401, 'pce'],
  ];
  for (const [request, status, source] of cases) {
    const right = request.headers['Authorization'] ?? '';
    const pairs: Array<[first: string, second: string]> = [
      [right, ANY],
      [ANY, right],
      [right, right],
      [right, ''],
    ];
    for (const [first, second] of pairs) {
      const twice: Headers = [
        ['Authorization', first],
        ['authorization', second],
      ];
      t.equal(await send(request, twice), status, `${source}: ${first === right}, ${second === right}`);
    }
    t.equal(await find(source, request.id), undefined, 'nothing is stored');
    t.equal(await send(request, []), 200, 'one of them is enough');
  }
});

void t.test('who needs no Authorization header is let in with any number of them', async (t) => {
  const request = await petstore.request({ topic: 'pet.adopted', data: {} });
  const twice: Headers = [
    ['Authorization', ANY],
    ['Authorization', 'Basic eDp5'],
  ];
  t.equal(await send(request, twice), 200);
});

void t.test('/admin', async (t) => {
  const right = `Authorization: Basic ${Buffer.from('admin:the-right-one').toString('base64')}\r\n`;
  const wrong = `Authorization: Basic ${Buffer.from('admin:another').toString('base64')}\r\n`;
  const get = (headers: string) =>
    exchange(t, address, `GET /admin/queues HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`);
  t.match(await get(right), [{ status: 200 }]);
  for (const both of [right + wrong, wrong + right, right + right])
    t.match(await get(both), [{ status: 401 }]);
});

void t.test('every signature in the headers is tried, and a hundred wrong ones do not help', async (t) => {
  const request = await petstore.request({ topic: 'pet.adopted', data: {} });
  const right = request.headers['X-Petstore-Signature'] ?? '';
  const wrong = `sha256=${'0'.repeat(64)}`;
  const name = 'X-Petstore-Signature';
  t.equal(
    await send(request, [
      [name, wrong],
      [name, wrong],
    ]),
    401,
  );
  t.equal(
    await send(
      request,
      Array.from({ length: 100 }, () => [name, wrong] as [string, string]),
    ),
    401,
  );
  t.equal(
    await send(request, [
      [name, wrong],
      [name, right],
    ]),
    200,
    'in two headers',
  );
  const other = await petstore.request({ topic: 'pet.adopted', data: {} });
  t.equal(
    await send(other, [
      [name, wrong],
      ['X-Webhook-Signature', other.headers[name] ?? ''],
    ]),
    200,
    'under its other name',
  );
});

void t.test('two Host headers are no request', async (t) => {
  const request = await petstore.request({ topic: 'pet.adopted', data: {} });
  const twice: Headers = [
    ['Host', 'localhost'],
    ['host', 'attacker.example'],
  ];
  t.equal(await send(request, twice), 400);
});

async function find(source: string, id: string) {
  const authorization = `Basic ${Buffer.from('admin:the-right-one').toString('base64')}`;
  const answer = await fetch(`${address}/admin/api/deliveries/${source}/${id}`, {
    headers: { authorization },
  });
  return answer.status === 404 ? undefined : answer.json();
}
