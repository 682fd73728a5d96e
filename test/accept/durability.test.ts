/** DURABILITY: a 200 `accepted` only once Redis says that the event is where it should be. */
import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { isDurable } from '../../lib/queue/durability.js';
import { DurableRedis } from '../faults/redis.js';
import { until } from '../support/deliveries.js';
import { noRedis } from '../support/redis-program.js';
import { startTestService } from '../support/service.js';
import { deliver, sender } from './faults.js';

function start(t: Test, redis: DurableRedis, environment: Record<string, string>) {
  const store = { url: `redis://127.0.0.1:${redis.port}`, prefix: 'durability' };
  const settings = { ROLE: 'receiver', SHUTDOWN_TIMEOUT: '100ms', ACCEPT_TIMEOUT: '1s' };
  return startTestService(t, store, { ...settings, ...sender.environment, ...environment });
}

void t.test('what the replies mean', (t) => {
  t.equal(isDurable('redis', undefined), true);
  t.equal(isDurable('replica', 0), false);
  t.equal(isDurable('replica', 2), true);
  t.equal(isDurable('fsync', [1, 0]), true);
  t.equal(isDurable('fsync', [0, 1]), false);
  t.equal(isDurable('replica-fsync', [1, 0]), false);
  t.equal(isDurable('replica-fsync', [1, 1]), true);
  t.equal(isDurable('replica-fsync', 'OK'), false);
  t.end();
});

void t.test('replica', { skip: noRedis }, async (t) => {
  const [main, replica] = [await DurableRedis.open(t), await DurableRedis.open(t)];
  const { address } = await start(t, main, { DURABILITY: 'replica' });
  t.match(await deliver(address, {}), { httpStatus: 200, status: 'spooled' }, 'there is no replica yet');

  await replica.tell('REPLICAOF', '127.0.0.1', String(main.port));
  await until('the replica to have all', async () => (await main.tell('WAIT', '1', '500')) === 1);
  await until('deliveries to be accepted', async () => (await deliver(address, {})).status === 'accepted');
  const id = randomUUID();
  t.match(await deliver(address, { id }), { httpStatus: 200, status: 'accepted' });
  t.type(await replica.tell('GET', `durability:petstore:de:${id}`), 'string', 'the replica has it');

  replica.signal('SIGSTOP');
  const later = randomUUID();
  const answer = await deliver(address, { id: later });
  t.match(answer, { httpStatus: 200, status: 'spooled' }, 'Redis has it, the replica has not');
  replica.signal('SIGCONT');
  await until('it to be drained', async () => (await deliver(address, { id: later })).status === 'duplicate');
  const jobs = (await main.tell('KEYS', `durability:petstore:${later}~*`)) as string[];
  t.equal(jobs.length, 1, 'one job, though it was written twice');
});

void t.test('without a spool', { skip: noRedis }, async (t) => {
  const main = await DurableRedis.open(t);
  const { address } = await start(t, main, { DURABILITY: 'replica', SPOOL_MAX: '0' });
  t.match(await deliver(address, {}), {
    httpStatus: 503,
    code: 'HKL_ERR_STORE_UNAVAILABLE',
    retryAfter: /^\d+$/,
  });
});

void t.test('fsync', { skip: noRedis }, async (t) => {
  const main = await DurableRedis.open(t);
  const known = ((await main.tell('COMMAND', 'INFO', 'WAITAOF')) as unknown[])[0] !== null;
  if (known) {
    const { address } = await start(t, main, { DURABILITY: 'fsync' });
    t.match(await deliver(address, {}), { httpStatus: 200, status: 'accepted' });
  } else {
    // Not something to find out when the first delivery comes.
    await t.rejects(start(t, main, { DURABILITY: 'fsync' }), {
      name: 'DurabilityError',
      message: /Redis 7\.2/,
    });
  }
});

/** WAITAOF came with Redis 7.2, and Valkey has it; older ones stop the start, as above. */
const noWaitAof = noRedis || (await withoutWaitAof());

async function withoutWaitAof(): Promise<false | string> {
  const redis = await DurableRedis.open(t);
  const [known] = (await redis.tell('COMMAND', 'INFO', 'WAITAOF')) as [unknown];
  return known ? false : 'this Redis has no WAITAOF';
}

void t.test('fsync, and a file that is switched off', { skip: noWaitAof }, async (t) => {
  const redis = await DurableRedis.open(t);
  const { address } = await start(t, redis, { DURABILITY: 'fsync', ACCEPT_TIMEOUT: '10s' });
  for (const when of ['everysec', 'always']) {
    await redis.tell('CONFIG', 'SET', 'appendfsync', when);
    const ids = [randomUUID(), randomUUID()];
    const deliverAll = () => Promise.all(ids.map(async (id) => (await deliver(address, { id })).status));
    t.same(await deliverAll(), ['accepted', 'accepted'], when);
    t.same(await deliverAll(), ['duplicate', 'duplicate']);
  }
  await redis.tell('CONFIG', 'SET', 'appendonly', 'no');
  const id = randomUUID();
  t.match(await deliver(address, { id }), { httpStatus: 200, status: 'spooled' }, 'there is no file to sync');
  await redis.tell('CONFIG', 'SET', 'appendonly', 'yes');
  await until('it to be drained', async () => (await deliver(address, { id })).status === 'duplicate');
});

void t.test('replica-fsync', { skip: noWaitAof }, async (t) => {
  const [main, replica] = [await DurableRedis.open(t), await DurableRedis.open(t)];
  const { address } = await start(t, main, { DURABILITY: 'replica-fsync', ACCEPT_TIMEOUT: '4s' });
  t.match(await deliver(address, {}), { httpStatus: 200, status: 'spooled' }, 'there is no replica yet');

  await replica.tell('REPLICAOF', '127.0.0.1', String(main.port));
  await until('the replica to have all', async () => (await main.tell('WAIT', '1', '500')) === 1);
  await until('deliveries to be accepted', async () => (await deliver(address, {})).status === 'accepted');

  replica.signal('SIGSTOP');
  const id = randomUUID();
  t.match(await deliver(address, { id }), { httpStatus: 200, status: 'spooled' }, 'only one disk has it');
  replica.signal('SIGCONT');
  await until('it to be drained', async () => (await deliver(address, { id })).status === 'duplicate');
  const jobs = (await main.tell('KEYS', `durability:petstore:${id}~*`)) as string[];
  t.equal(jobs.length, 1, 'one job, though it was written twice');
});
