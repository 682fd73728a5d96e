/** A Redis that refuses to tell which events have been seen, in the moment in which one waits for them. */
import type { Job } from 'bullmq';
import { Redis } from 'ioredis';
import t from 'tap';
import type { Delivery } from '../../lib/event.js';
import { silentLog } from '../../lib/log.js';
import { Admission } from '../../workers/admission/admission.js';
import type { Gates } from '../../workers/admission/gates.js';
import { DurableRedis } from '../faults/redis.js';
import { until } from '../support/deliveries.js';
import { noRedis } from '../support/redis-program.js';

void t.test('an event waits for its turn all the same', { skip: noRedis }, async (t) => {
  const server = await DurableRedis.open(t);
  const redis = new Redis(server.port, '127.0.0.1', { maxRetriesPerRequest: null });
  t.teardown(() => redis.disconnect());
  let refusal = '';
  const warn = ({ reason }: { reason: string }) => (refusal = reason);
  const admission = new Admission({
    redis,
    base: 'own:',
    gatesOf: () => undefined,
    stop: new AbortController().signal,
    log: Object.assign(Object.create(silentLog), { warn }) as typeof silentLog,
  });
  const job = { id: '2' } as Job<Delivery>;
  const serial = { members: 'own:members', hold: false };
  const gates: Gates = { ordered: true, serial, slots: [], rates: [] };
  t.match(await admission.enter(job, 'token', gates), { outcome: 'parked' }, 'Redis knows the script now');

  // Another worker has the first in hand and has not looked at it.
  for (const id of ['1', '2']) {
    await redis.hset(`own:${id}`, { seq: id, data: '{}', ats: 1, timestamp: 1 });
    await redis.set(`own:${id}:lock`, 'token');
    await redis.lpush('own:active', id);
  }
  await redis.config('SET', 'replica-serve-stale-data', 'no');
  // Sent in one go: it is told that it must wait, and nothing more.
  const entering = admission.enter(job, 'token', gates);
  await redis.replicaof('127.0.0.1', 1);
  await Promise.race([entering, until('a read to be refused', () => refusal !== '')]);
  t.match(refusal, /^MASTERDOWN/);
  await server.tell('REPLICAOF', 'NO', 'ONE');
  t.same(await entering, { outcome: 'go' });
});
