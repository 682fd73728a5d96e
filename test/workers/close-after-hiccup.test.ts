/** Redis was away for a moment, and the process is asked to end just then: it ends in order all the same. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import t from 'tap';
import { until } from '../support/deliveries.js';
import { startHookline } from '../support/process.js';
import { openOwnStore } from '../support/store.js';

void t.test('SIGTERM after a failover', async (t) => {
  const url = await openOwnStore(t);
  const redis = new Redis(url);
  t.teardown(() => redis.disconnect());
  for (const wait of [0, 50, 200, 1_000]) {
    const hookline = await startHookline(t, {
      REDIS_URL: url,
      QUEUE_PREFIX: `hiccup-${wait}`,
      SHUTDOWN_TIMEOUT: '1s',
      LOG_LEVEL: 'debug',
    });
    // Blocked commands are ended by it, as by a failover.
    await redis.call('REPLICAOF', '127.0.0.1', '1');
    await until('the workers to notice', () => hookline.lines.some(({ msg }) => msg === 'worker error'));
    await redis.call('REPLICAOF', 'NO', 'ONE');
    await sleep(wait);
    hookline.child.kill('SIGTERM');
    t.equal(await hookline.exited, 0, `${wait} ms later`);
    const said = hookline.lines.map(({ msg }) => msg);
    t.ok(said.includes('stopped'), `${wait} ms later: in order`);
    t.notOk(
      said.some((msg) => String(msg).includes('too long')),
      `${wait} ms later: and in time`,
    );
  }
});
