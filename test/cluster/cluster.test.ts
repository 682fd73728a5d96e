/** Everything that Hookline does with Redis, on a Cluster of three nodes that lets in an ACL user only. */
import { setTimeout as sleep } from 'node:timers/promises';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { startCluster } from './cluster.js';
import { openHandlers, timesHandled } from './support.js';
import { noRedis } from '../support/redis-program.js';

t.setTimeout(300_000);

void t.test('a Cluster', { skip: noRedis }, async (t) => {
  const sender = createPetstoreSender({ secret: 'a-test-secret' });
  const cluster = await startCluster(t);
  const { folder, ledger } = await openHandlers(t);
  const store = { url: cluster.url, prefix: 'shop' };
  const environment = { ...sender.environment, HANDLERS_DIR: folder, ACCEPT_TIMEOUT: '1s' };
  const first = await startTestService(t, store, environment);
  const second = await startTestService(t, store, { ...environment, ROLE: 'receiver' });

  async function deliver(topic: string, data: unknown, id: string = randomUUID(), to = first) {
    const request = await sender.request({ topic, data }, { id });
    const { status, body } = await post(to.address, request, { timeoutMs: 20_000 });
    return { httpStatus: status, id, ...(JSON.parse(body) as { status: string }) };
  }

  await t.test('takes deliveries, each once, whichever receiver they come to', async (t) => {
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const answers = await Promise.all(
      ids.flatMap((id) => [first, second, first].map((to) => deliver('any', {}, id, to))),
    );
    const count = (status: string) => answers.filter((answer) => answer.status === status).length;
    t.same([count('accepted'), count('duplicate')], [20, 40]);
    for (const id of ids) await untilState(second.address, 'petstore', id, 'completed');
    t.same(
      timesHandled(ledger, ids),
      ids.map(() => 1),
    );
  });

  await t.test(
    'a connection that is closed while it asks for the slots does not keep its process',
    async (t) => {
      const script = `
      import { once } from 'node:events';
      import { silentLog } from './lib/log.ts';
      import { workerConnection } from './lib/queue/connection.ts';
      const connection = workerConnection(process.env.REDIS_URL, silentLog);
      for (const one of [connection, connection.duplicate()]) {
        if (one.status !== 'ready') await once(one, 'ready');
        // As its clock does.
        const again = () => (one.slotsTimer = setTimeout(() => one.refreshSlotsCache(again), 10));
        one.refreshSlotsCache(again);
        one.disconnect();
      }`;
      const child = spawn(process.execPath, ['--import=tsx', '--input-type=module', '-e', script], {
        env: { ...process.env, REDIS_URL: cluster.url },
        stdio: ['ignore', 'inherit', 'inherit'],
        timeout: 60_000,
      });
      t.same(await once(child, 'exit'), [0, null]);
    },
  );

  await t.test('all keys are in one slot', async (t) => {
    const found = await Promise.all(cluster.nodes.map((node) => node.tell('KEYS', '*')));
    const keys = found.flat() as string[];
    t.ok(keys.length > 20);
    t.same(
      keys.filter((key) => !key.startsWith('{shop}:')),
      [],
    );
  });

  await t.test('keeps an order, limits and versions', async (t) => {
    const numbers = Array.from({ length: 10 }, (_, n) => n);
    const ordered: string[] = [];
    for (const n of numbers) ordered.push((await deliver('ordered', { key: 'k', n })).id);
    const limited = await Promise.all(numbers.map((n) => deliver('limited', { key: 'k', n })));
    for (const id of [...ordered, ...limited.map(({ id }) => id)])
      await untilState(first.address, 'petstore', id, 'completed');
    const done = (topic: string) =>
      ledger.read().flatMap((one) => (one.topic === topic ? [one.data.n ?? -1] : []));
    t.same(done('ordered'), numbers);
    const versions = done('limited');
    t.equal(versions.at(-1), 9, 'the newest was handled');
    t.same(
      versions,
      versions.toSorted((a, b) => a - b),
      'and none after a newer one',
    );
  });

  await t.test('remembers a step', async (t) => {
    const { id } = await deliver('step', {});
    await untilState(first.address, 'petstore', id, 'completed');
    t.equal(ledger.read().filter((one) => one.id === id && one.topic === 'in the step').length, 1);
  });

  await t.test('finds, replays and discards', async (t) => {
    const ids = [(await deliver('broken', {})).id, (await deliver('broken', {})).id];
    for (const id of ids) t.match(await untilState(first.address, 'petstore', id), { state: 'failed' });
    const found = await fetch(`${second.address}/admin/api/deliveries?state=failed`);
    const { deliveries } = (await found.json()) as { deliveries: Array<{ id: string }> };
    t.same(deliveries.map(({ id }) => id).toSorted(), ids.toSorted());

    (globalThis as { mended?: boolean }).mended = true;
    const body = JSON.stringify({ filter: { state: 'failed' }, rate: '100/s' });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${second.address}/admin/api/replays`, { method: 'POST', headers, body });
    t.equal(answer.status, 202);
    for (const id of ids)
      t.match(await untilState(first.address, 'petstore', id, 'completed'), { replayCount: 1 });
    t.same(timesHandled(ledger, ids), [2, 2]);

    (globalThis as { mended?: boolean }).mended = false;
    const { id } = await deliver('broken', {});
    await untilState(first.address, 'petstore', id, 'failed');
    const discard = `${second.address}/admin/api/deliveries/petstore/${id}/discard`;
    t.match(await (await fetch(discard, { method: 'POST', headers, body: '{}' })).json(), { done: 1 });
    t.equal((await deliver('any', {}, id)).status, 'accepted', 'its id is open again');
  });

  await t.test('counts refusals together', async () => {
    const forged = await sender.request({ topic: 'any', data: {} }, { tamper: 'signature' });
    await until('a refusal to be told to Redis', async () => {
      // One at the end of a window is forgotten with it, and not told any more.
      await post(first.address, forged, { timeoutMs: 20_000 });
      await sleep(500);
      const found = await Promise.all(cluster.nodes.map((node) => node.tell('KEYS', '{shop}:limits:*')));
      return found.flat().length > 0;
    });
  });

  await t.test('is looked into', async (t) => {
    const ready = await fetch(`${second.address}/health/ready`);
    t.match(await ready.json(), { status: 'ready', parts: { redis: 'ok' } });
    t.match(
      await (await fetch(`${second.address}/metrics`)).text(),
      /hookline_queue_jobs\{source="petstore",state="completed"\} [1-9]/,
    );
    t.equal((await fetch(`${second.address}/admin/queues/api/queues`)).status, 200);
  });
});
