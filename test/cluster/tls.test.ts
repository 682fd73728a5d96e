/** TLS to every form of Redis, its certificates checked: real processes, as NODE_EXTRA_CA_CERTS is read at start only. */
import { existsSync } from 'node:fs';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { untilState } from '../support/deliveries.js';
import { startHookline } from '../support/process.js';
import { makeCertificate } from './certificate.js';
import { startCluster } from './cluster.js';
import { IN_URL, LOGIN, Server } from './server.js';
import { openHandlers } from './support.js';
import { noRedis } from '../support/redis-program.js';

t.setTimeout(300_000);

void t.test('TLS', { skip: noRedis }, async (t) => {
  if (!existsSync('dist/server.js')) throw new Error('run `npm run build` first');
  const sender = createPetstoreSender({ secret: 'a-test-secret' });
  const { folder } = await openHandlers(t);
  const tls = await makeCertificate(t);
  const redis = await Server.open(t, ['appendonly yes'], { tls });
  const watching = [
    `sentinel monitor main 127.0.0.1 ${redis.port} 1`,
    `sentinel auth-user main ${LOGIN.username}`,
    `sentinel auth-pass main ${LOGIN.password}`,
  ];
  const sentinel = await Server.open(t, watching, { tls, sentinel: true });
  const { url: cluster } = await startCluster(t, 1, tls);
  const login = `sentinelUsername=${LOGIN.username}&sentinelPassword=${LOGIN.password}`;
  const urls = {
    'one Redis': `rediss://${IN_URL}@127.0.0.1:${redis.port}`,
    Sentinel: `rediss+sentinel://${IN_URL}@127.0.0.1:${sentinel.port}/main?${login}`,
    Cluster: cluster,
  };

  const start = (url: string, more: Record<string, string>) => {
    const environment = { ...sender.environment, REDIS_URL: url, QUEUE_PREFIX: 'shop', HANDLERS_DIR: folder };
    return startHookline(t, { ...environment, ...more });
  };

  for (const [form, url] of Object.entries(urls)) {
    await t.test(form, async (t) => {
      const { address } = await start(url, { NODE_EXTRA_CA_CERTS: tls.ca });
      const request = await sender.request({ topic: 'any', data: {} });
      const { body } = await post(address, request, { timeoutMs: 20_000 });
      t.match(JSON.parse(body), { status: 'accepted' });
      await untilState(address, 'petstore', request.id, 'completed');
    });
  }

  await t.test('signed by nobody whom we know', async (t) => {
    const asking = Object.entries(urls).map(async ([form, url]) => {
      const { address } = await start(url, { ROLE: 'receiver' });
      const ready = (await (await fetch(`${address}/health/ready`)).json()) as { parts: { redis: string } };
      t.match(ready.parts.redis, /^unreachable/, form);
    });
    await Promise.all(asking);
  });
});
