/** A worker that closes while Redis refuses to write how an attempt ended. */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import t from 'tap';
import { silentLog } from '../../lib/log.js';
import { shardName } from '../../lib/queue/shards.js';
import { QueueWorker } from '../../workers/queue-worker.js';
import { DurableRedis } from '../faults/redis.js';
import { until } from '../support/deliveries.js';
import { noRedis } from '../support/redis-program.js';

const ENDS: Record<string, () => unknown> = {
  completed: () => undefined,
  failed: () => Promise.reject(new Error('as it should')),
  delayed: () => Promise.reject(new Error('as it should')),
};

for (const [state, end] of Object.entries(ENDS)) {
  void t.test(`${state} in the end, and the next event is left to others`, { skip: noRedis }, async (t) => {
    const store = await DurableRedis.open(t);
    const connection = new Redis(store.port, '127.0.0.1', { maxRetriesPerRequest: null });
    t.teardown(() => connection.disconnect());
    const shard = shardName('closing', 'petstore', 0);
    const queue = new Queue(shard.name, { connection, prefix: shard.prefix });
    t.teardown(() => queue.close());
    const begun: string[] = [];
    let refused = false;
    const worker = new QueueWorker(
      shard,
      async ({ name }) => {
        if (begun.push(name) === 1) await store.tell('REPLICAOF', '127.0.0.1', '1');
        return end();
      },
      {
        connection,
        concurrency: 1,
        maxStalledCount: 1,
        patience: {
          stop: new AbortController().signal,
          log: Object.assign(Object.create(silentLog), { warn: () => (refused = true) }) as typeof silentLog,
        },
      },
    );
    worker.on('error', () => {});
    const options = state === 'delayed' ? { attempts: 2, backoff: { type: 'fixed', delay: 60_000 } } : {};
    const first = await queue.add('first', {}, options);
    const second = await queue.add('second', {});
    const running = worker.run();
    await until('its end to be refused', () => refused);
    const closed = worker.close();
    await store.tell('REPLICAOF', 'NO', 'ONE');
    await Promise.all([closed, running]);
    t.equal(await first.getState(), state);
    t.equal(await second.getState(), 'waiting');
    t.same(begun, ['first']);
  });
}
