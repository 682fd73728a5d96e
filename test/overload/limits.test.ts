/** Past a limit deliveries are told to come again before they are read, and taken again by themselves. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { until } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openOwnStore } from '../support/store.js';

const sender = createPetstoreSender({ secret: 'a-test-secret' });
const url = await openOwnStore(t);
const redis = new Redis(url);
t.teardown(() => redis.disconnect());

async function start(t: Test, environment: Record<string, string>) {
  const store = { url, prefix: `test-${randomBytes(4).toString('hex')}` };
  const settings = { ROLE: 'receiver', SHUTDOWN_TIMEOUT: '100ms', ...sender.environment, ...environment };
  const { address, lines } = await startTestService(t, store, settings);
  const deliver = async () => {
    const request = await sender.request({ topic: 'pet.adopted', data: {} });
    const { status, headers, body } = await post(address, request, { timeoutMs: 30_000 });
    return {
      httpStatus: status,
      retryAfter: headers['retry-after'],
      ...(JSON.parse(body) as { code?: string }),
    };
  };
  const metric = async (name: string) => {
    const text = await (await fetch(`${address}/metrics`)).text();
    return text.split('\n').find((line) => line.startsWith(name));
  };
  return { address, deliver, metric, lines, store };
}

const OVERLOADED = { httpStatus: 503, code: 'HKL_ERR_OVERLOADED', retryAfter: /^[1-9]\d*$/ };

void t.test('more at once than MAX_IN_FLIGHT', async (t) => {
  const { deliver, metric, lines } = await start(t, {
    MAX_IN_FLIGHT: '3',
    ACCEPT_TIMEOUT: '3s',
    SPOOL_MAX: '0',
  });
  t.teardown(() => redis.call('CLIENT', 'UNPAUSE'));
  // What is in hand stays so until Redis answers.
  await redis.call('CLIENT', 'PAUSE', '60000', 'WRITE');
  const answers = await Promise.all(Array.from({ length: 10 }, () => deliver()));
  const shed = answers.filter(({ code }) => code === 'HKL_ERR_OVERLOADED');
  t.equal(shed.length, 7);
  t.match(shed[0], OVERLOADED);
  t.match(await metric('hookline_shed_total{cause="in-flight"}'), / 7$/);
  await redis.call('CLIENT', 'UNPAUSE');
  await until('deliveries to be taken again', async () => (await deliver()).httpStatus === 200);
  await until('the log to say so', () => lines.some(({ msg }) => msg === 'all deliveries are taken again'));
  t.equal(lines.filter(({ msg }) => /too much at once/.test(String(msg))).length, 1, 'one line, not seven');
  t.match(await metric('hookline_in_flight '), / 0$/);
});

void t.test('a connection on which deliveries are turned away is read on, and taken again', async (t) => {
  const { address, deliver } = await start(t, { MAX_IN_FLIGHT: '1', ACCEPT_TIMEOUT: '10s', SPOOL_MAX: '0' });
  t.teardown(() => redis.call('CLIENT', 'UNPAUSE'));
  await redis.call('CLIENT', 'PAUSE', '60000', 'WRITE');
  const first = deliver();
  await until('it to be in hand', async () => (await deliver()).httpStatus === 503);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ports = new Set<number | undefined>();
  const deliverOnOne = async (bytes: number) => {
    const { path, headers, body } = await sender.request({
      topic: 'pet.adopted',
      data: { padding: 'x'.repeat(bytes) },
    });
    const request = http.request(`${address}${path}`, { agent, method: 'POST', headers });
    const answered = once(request.end(body), 'response') as Promise<[http.IncomingMessage]>;
    const [response] = await answered;
    ports.add(response.socket.localPort);
    await once(response.resume(), 'end');
    return response.statusCode;
  };
  t.same(await Promise.all([deliverOnOne(10), deliverOnOne(500_000), deliverOnOne(10)]), [503, 503, 503]);
  await redis.call('CLIENT', 'UNPAUSE');
  t.equal((await first).httpStatus, 200);
  await until('deliveries to be taken again', async () => (await deliverOnOne(10)) === 200);
  t.equal(await deliverOnOne(500_000), 200);
  t.equal(ports.size, 1, 'one connection');
});

void t.test('a turn of the event loop ends, however many connections have something to say', async (t) => {
  const { address, metric } = await start(t, {
    MAX_IN_FLIGHT: '20',
    MAX_CONNECTIONS_PER_ADDRESS: '2000',
  });
  const { path, headers, body } = await sender.request({ topic: 'pet.adopted', data: {} });
  const lines = Object.entries({ host: 'x', ...headers, 'content-length': body.length });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const request = `POST ${path} HTTP/1.1\r\n${head}\r\n${body.toString()}`;
  const [hostname, port] = [new URL(address).hostname, Number(new URL(address).port)];
  const ENOUGH = 20_000;
  let answers = 0;
  let seen = 0;
  let most = 0;
  const turning = () => {
    most = Math.max(most, answers - seen);
    seen = answers;
    if (answers < ENOUGH) setImmediate(turning);
  };
  const sockets = Array.from({ length: 1_200 }, () => net.connect(port, hostname));
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) {
    // The same one each time: most are turned away, the others are duplicates.
    socket.on('data', () => (answers += 1) < ENOUGH && socket.write(request)).write(request);
  }
  turning();
  await until('many answers', () => answers >= ENOUGH, 120_000);
  // libuv reads 1,024 of them 48 times over, a half of it here for the senders' sake.
  t.ok(most < 5_000, `${most} answers in a turn`);
  const shed = await metric('hookline_shed_total{cause="waited"}');
  t.match(shed, / [1-9]\d*$/, 'those that rested are not taken before others');
  t.match(await metric('hookline_deliveries_total{source="petstore",outcome="duplicate"}'), / [1-9]\d*$/);
});

void t.test('bodies that never come take no room', async (t) => {
  const { address, deliver } = await start(t, { MAX_IN_FLIGHT: '2' });
  const { hostname, port } = new URL(address);
  const slow = Array.from({ length: 20 }, () => {
    const headers = { 'content-length': 100 };
    const request = http.request({ hostname, port, method: 'POST', path: '/webhooks/petstore', headers });
    request.on('error', () => {}).write('{');
    return request;
  });
  t.teardown(() => slow.forEach((request) => request.destroy()));
  await until('them to be there', () => slow.every(({ socket }) => socket?.bytesWritten));
  t.equal((await deliver()).httpStatus, 200);
});

void t.test('an event loop that is late takes less, and more again once it is not', async (t) => {
  const { deliver, metric } = await start(t, { MAX_LOOP_DELAY: '60ms' });
  const limit = async () => Number((await metric('hookline_in_flight_limit'))?.split(' ')[1]);
  t.equal(await limit(), 1_000);
  let busy = true;
  const block = () => {
    const end = performance.now() + 100;
    while (performance.now() < end);
    if (busy) setImmediate(block);
  };
  block();
  await until('the limit to fall', async () => (await limit()) < 100, 60_000);
  busy = false;
  await until('it to grow again', async () => (await limit()) === 1_000, 60_000);
  t.equal((await deliver()).httpStatus, 200);
});

void t.test('too much memory: one at a time, rather than none', async (t) => {
  const { deliver, metric } = await start(t, { MAX_MEMORY: '64mb' });
  const limit = async () => Number((await metric('hookline_in_flight_limit'))?.split(' ')[1]);
  await until('the limit to fall', async () => (await limit()) === 1);
  t.equal((await deliver()).httpStatus, 200);
});

void t.test('a queue that is too deep', async (t) => {
  const { deliver, metric, store } = await start(t, { MAX_QUEUE_DEPTH: '5' });
  for (let count = 0; count < 6; count += 1) t.equal((await deliver()).httpStatus, 200);
  await until('it to be seen', async () => (await deliver()).httpStatus === 503);
  t.match(await deliver(), OVERLOADED);
  t.match(await metric('hookline_shed_total{cause="queue-depth"}'), / [1-9]\d*$/);
  await redis.del(`${store.prefix}:petstore:wait`);
  await until('deliveries to be taken again', async () => (await deliver()).httpStatus === 200);
});
