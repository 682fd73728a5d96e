/**
 * /health/ready says whether a delivery could be accepted now, so it must say what a delivery would be told: here of
 * Redis alone, and with a spool beside it in test/accept/spool.test.ts.
 */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import t, { type Test } from 'tap';
import { silentLog } from '../../lib/log.js';
import { openEmbeddedStore } from '../../lib/store/embedded-store.js';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { until } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { openOwnStore, temporaryFolder } from '../support/store.js';

const sender = createPetstoreSender({ secret: 'a-test-secret' });
const url = await openOwnStore(t);
const redis = new Redis(url);
t.teardown(() => redis.disconnect());

async function start(t: Test, redisUrl = url, environment: Record<string, string> = {}) {
  const prefix = `test-${randomBytes(4).toString('hex')}`;
  const { address } = await startTestService(
    t,
    { url: redisUrl, prefix },
    {
      ROLE: 'receiver',
      ACCEPT_TIMEOUT: '500ms',
      SHUTDOWN_TIMEOUT: '100ms',
      SPOOL_MAX: '0',
      ...sender.environment,
      ...environment,
    },
  );
  const ready = async () => {
    const answer = await fetch(`${address}/health/ready`);
    const body = (await answer.json()) as { status: string; parts: Record<string, string> };
    return { ...body, httpStatus: answer.status, retryAfter: answer.headers.get('retry-after') };
  };
  const deliver = async () => {
    const request = await sender.request({ topic: 'pet.adopted', data: {} });
    return (await post(address, request, { timeoutMs: 10_000 })).status;
  };
  return { address, ready, deliver };
}

const WELL = {
  httpStatus: 200,
  status: 'ready',
  parts: { process: 'ok', redis: 'ok', spool: 'off' },
  spool: { bytes: 0, events: 0, oldestSeconds: 0 },
  retryAfter: null,
};

function ill(state: RegExp) {
  return {
    httpStatus: 503,
    status: 'unavailable',
    parts: { process: 'ok', redis: state },
    retryAfter: /^\d+$/,
  };
}

void t.test('well', async (t) => {
  const { address, ready, deliver } = await start(t);
  t.same(await ready(), WELL);
  t.equal(await deliver(), 200);
  const live = await fetch(`${address}/health/live`);
  t.equal(live.status, 200);
  t.match(await live.json(), { status: 'live' });
  t.equal((await fetch(`${address}/health/ready`, { method: 'HEAD' })).status, 200, 'balancers ask by HEAD');
});

void t.test('a Redis that only reads', async (t) => {
  const { address, ready, deliver } = await start(t);
  t.teardown(() => redis.call('REPLICAOF', 'NO', 'ONE'));
  await redis.call('REPLICAOF', '127.0.0.1', '1');
  t.match(await ready(), ill(/^cannot write \(READONLY\)$/));
  t.equal(await deliver(), 503);
  t.equal((await fetch(`${address}/health/live`)).status, 200, 'a restart would not help');
  await redis.call('REPLICAOF', 'NO', 'ONE');
  t.same(await ready(), WELL);
  t.equal(await deliver(), 200);
});

void t.test('a Redis without memory', async (t) => {
  const { ready, deliver } = await start(t);
  t.teardown(() => redis.config('SET', 'maxmemory', '0'));
  await redis.config('SET', 'maxmemory', '1', 'maxmemory-policy', 'noeviction');
  t.match(await ready(), ill(/^cannot write \(OOM\)$/));
  t.equal(await deliver(), 503);
  await redis.config('SET', 'maxmemory', '0');
  t.same(await ready(), WELL);
  t.equal(await deliver(), 200);
});

void t.test('a Redis that hangs', async (t) => {
  for (const [name, timeout] of [
    ['the probe gives up first', '5s'],
    ['the connection gives up first', '200ms'],
  ] as const) {
    await t.test(name, async (t) => {
      const { ready } = await start(t, url, { ACCEPT_TIMEOUT: timeout });
      t.teardown(() => redis.call('CLIENT', 'UNPAUSE'));
      await redis.call('CLIENT', 'PAUSE', '60000', 'WRITE');
      t.match(await ready(), ill(/^cannot write \(no answer in time\)$/));
      await redis.call('CLIENT', 'UNPAUSE');
      await until('it to be ready again', async () => (await ready()).httpStatus === 200);
    });
  }
});

void t.test('no Redis: named, without its address', async (t) => {
  const dataDir = await temporaryFolder(t);
  const kind = process.env['EMBEDDED_STORE'] === 'wasm' ? 'wasm' : 'auto';
  const store = await openEmbeddedStore({ dataDir, kind, log: silentLog });
  t.teardown(() => store.close());
  const { ready, deliver } = await start(t, store.url);
  t.same(await ready(), WELL);

  await store.close();
  await until('it to notice', async () => (await ready()).httpStatus === 503);
  const answer = await ready();
  t.match(answer, ill(/^unreachable \(\w+\)$/));
  t.notMatch(JSON.stringify(answer), /127\.0\.0\.1|redis:\/\/|stack/i);
  t.equal(await deliver(), 503);

  const again = await openEmbeddedStore({ dataDir, kind, log: silentLog });
  t.teardown(() => again.close());
  t.equal(again.url, store.url, 'the store is at its place again');
  await until('it to be ready again', async () => (await ready()).httpStatus === 200);
  t.equal(await deliver(), 200);
});
