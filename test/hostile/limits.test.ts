/** What strangers can use up: connections, requests at once on one, headers, memory for bodies. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { startPitchpointSender } from '../../senders/pitchpoint.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post, type SignedRequest } from '../../senders/sender.js';
import { until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openStore } from '../support/store.js';
import { answersIn, connect, exchange, wire, type RawSocket } from './support.js';

const store = await openStore(t);
const petstore = createPetstoreSender({ secret: 'a-test-secret' });
const pitchpoint = await startPitchpointSender();
t.teardown(() => pitchpoint.close());
const BASE = { ...petstore.environment, ...pitchpoint.environment, SHUTDOWN_TIMEOUT: '100ms' };
const genuine = () => petstore.request({ topic: 'pet.adopted', data: { pet: 1 } });
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes in use, garbage apart. */
function memory(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const OVERLOADED = { statusCode: 503, code: 'HKL_ERR_OVERLOADED' };

void t.test('connections of one address', async (t) => {
  const { address, lines } = await startTestService(t, store, { ...BASE, MAX_CONNECTIONS_PER_ADDRESS: '5' });
  const held = await Promise.all(Array.from({ length: 5 }, () => connect(t, address, '127.0.0.2')));
  const [answer] = await exchange(t, address, wire(await genuine()), '127.0.0.2');
  t.match(answer, { status: 503, headers: { 'retry-after': /^\d+$/, connection: 'close' } });
  t.match(JSON.parse(answer?.body ?? ''), OVERLOADED);
  t.match(
    lines.filter(({ setting }) => setting === 'MAX_CONNECTIONS_PER_ADDRESS'),
    [{ level: 40, address: '127.0.0.2' }],
    'the operator learns which limit it was, once',
  );

  const other = await exchange(t, address, wire(await genuine(), { Connection: 'close' }), '127.0.0.3');
  t.match(other, [{ status: 200 }], 'another address is not concerned');

  held[0]?.socket.destroy();
  await until('a connection to be free again', async () => {
    const request = wire(await genuine(), { Connection: 'close' });
    return (await exchange(t, address, request, '127.0.0.2'))[0]?.status === 200;
  });
});

void t.test('connections of a trusted proxy are many people’s', async (t) => {
  const { address } = await startTestService(t, store, {
    ...BASE,
    MAX_CONNECTIONS_PER_ADDRESS: '2',
    TRUST_PROXY: '127.0.0.4/31, ::1',
  });
  for (let count = 0; count < 4; count += 1) await connect(t, address, '127.0.0.5');
  const request = wire(await genuine(), { Connection: 'close' });
  t.match(await exchange(t, address, request, '127.0.0.5'), [{ status: 200 }]);
  for (let count = 0; count < 2; count += 1) await connect(t, address, '127.0.0.6');
  t.match(await exchange(t, address, request, '127.0.0.6'), [{ status: 503 }], 'others are counted');
});

void t.test('connections of all', async (t) => {
  const { address } = await startTestService(t, store, { ...BASE, MAX_CONNECTIONS: '3' });
  for (let count = 0; count < 3; count += 1) await connect(t, address, `127.0.0.${10 + count}`);
  const { received, closed } = await connect(t, address, '127.0.0.20');
  await closed;
  t.equal(received(), '', 'closed at once');
});

void t.test('requests at once on one connection', async (t) => {
  const { address } = await startTestService(t, store, BASE);
  const requests = await Promise.all(Array.from({ length: 100 }, () => genuine()));
  const { socket, received, closed } = await connect(t, address);
  socket.write(Buffer.concat(requests.map((request) => wire(request))));
  await closed;
  const statuses = answersIn(received()).map(({ status }) => status);
  const [refused] = answersIn(received()).slice(-1);
  t.same(
    statuses.slice(0, 64),
    Array.from({ length: 64 }, () => 200),
  );
  t.match(JSON.parse(refused?.body ?? '{}'), OVERLOADED, 'the next is asked to come again');
  t.equal(statuses.length, 65, 'and the connection ends');
});

void t.test('one request after another, as many as are wanted', async (t) => {
  const { address } = await startTestService(t, store, BASE);
  const { socket, received } = await connect(t, address);
  for (let count = 1; count <= 200; count += 1) {
    socket.write(wire(await genuine()));
    await until('the answer', () => answersIn(received()).length === count);
  }
  t.ok(answersIn(received()).every(({ status }) => status === 200));
});

void t.test('headers', async (t) => {
  const { address } = await startTestService(t, store, BASE);
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`X-${index}`, 'x']));
  const [answer] = await exchange(t, address, wire(await genuine(), many));
  t.match(answer, { status: 431 });
  t.match(JSON.parse(answer?.body ?? ''), { code: 'HKL_ERR_HEADERS_TOO_LARGE' });
  const some = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`X-${index}`, 'x']));
  const close = { ...some, Connection: 'close', Expect: '200-ok' };
  t.match(
    await exchange(t, address, wire(await genuine(), close)),
    [{ status: 200 }],
    'what is usual, and odd',
  );
});

void t.test('memory for bodies', async (t) => {
  const MEMORY = { BODY_LIMIT: '1mb', BODY_MEMORY: '4mb' };
  const { address } = await startTestService(t, store, { ...BASE, ...MEMORY });
  const head = `POST /webhooks/petstore HTTP/1.1\r\nHost: x\r\nContent-Length: ${1024 ** 2}\r\n\r\n`;
  const unfinished = head + 'x'.repeat(900 * 1024);
  const sending: RawSocket[] = [];
  for (let count = 0; count < 8; count += 1) {
    const connection = await connect(t, address, '127.0.0.30');
    connection.socket.write(unfinished);
    sending.push(connection);
  }
  await until('some to be turned away', () => sending.some(({ received }) => received() !== ''));
  const [turnedAway] = answersIn(sending.map(({ received }) => received()).join(''));
  t.match(turnedAway, { status: 503, headers: { connection: 'close' } });
  t.match(JSON.parse(turnedAway?.body ?? ''), OVERLOADED);
  t.ok(
    sending.some(({ received }) => received() === ''),
    'others wait for the rest of theirs',
  );

  const large = { topic: 'x', data: 'x'.repeat(900 * 1024) };
  const request = wire(await petstore.request(large), { Connection: 'close' });
  t.match(
    await exchange(t, address, request, '127.0.0.31'),
    [{ status: 200 }],
    'half of it is for other addresses',
  );

  for (const { socket } of sending) socket.destroy();
  await until('the memory to be given back', async () => {
    return (await exchange(t, address, request, '127.0.0.30'))[0]?.status === 200;
  });
});

void t.test('a body in tiny chunks takes no more memory than it has bytes', async (t) => {
  const { address } = await startTestService(t, store, BASE);
  const size = 300_000;
  const body = Buffer.alloc(size, 'x');
  const { headers, path } = await petstore.request({ topic: 'x', data: {} }, { rawBody: body });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n${lines.join('')}\r\n`;
  const before = memory();
  const { socket, received, closed } = await connect(t, address);
  socket.write(head + '1\r\nx\r\n'.repeat(size));
  await until('all to be sent', () => socket.writableLength === 0);
  await sleep(500);
  const taken = memory() - before;
  t.comment(`${size} chunks of one byte: ${(taken / 1024 ** 2).toFixed(1)} MB in memory`);
  t.ok(taken < 10 * 1024 ** 2, 'a Buffer for each would be 17 MB and more');
  socket.write('0\r\n\r\n');
  await closed;
  t.match(answersIn(received()), [{ status: 200 }], 'it is what was signed');
});

void t.test('compressed bodies are authentic, kept as they are, and quarantined', async (t) => {
  const { address } = await startTestService(t, store, BASE);
  const zipped = gzipSync(
    JSON.stringify({ id: 'zipped', eventType: 'pet.adopted', bomb: '0'.repeat(1_000_000) }),
  );
  const signed: SignedRequest[] = [
    await petstore.request({ topic: 'pet.adopted', data: {} }, { rawBody: zipped }),
    await pitchpoint.request({ topic: 'orders/placed', data: {} }, { rawBody: zipped }),
  ];
  for (const request of signed) {
    const headers = { ...request.headers, 'Content-Encoding': 'gzip' };
    const { status, body } = await post(address, { ...request, headers }, { timeoutMs: 10_000 });
    t.equal(status, 200, request.path);
    const { id, source } = JSON.parse(body) as { id: string; source: string };
    const { failedReason, attemptsMade } = await untilState(address, source, id, 'failed');
    t.match(failedReason, /compressed.*Content-Encoding.*Ask the provider/, request.path);
    t.equal(attemptsMade, 1);
  }
});

void t.test('a connection cut in the middle of a body leaves nothing behind', async (t) => {
  const { address, lines } = await startTestService(t, store, {
    ...BASE,
    BODY_LIMIT: '1mb',
    BODY_MEMORY: '2mb',
  });
  const head = `POST /webhooks/petstore HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n`;
  for (let count = 0; count < 30; count += 1) {
    const { socket } = await connect(t, address);
    await new Promise<void>((resolve) => {
      socket.write(head + randomBytes(300_000).toString('latin1'), () => resolve());
    });
    socket.destroy();
  }
  const large = await petstore.request({ topic: 'x', data: 'x'.repeat(900_000) });
  await until('room again', async () => (await post(address, large, { timeoutMs: 10_000 })).status === 200);
  t.notMatch(lines, [{ level: 50 }], 'and no error in the log');
});
