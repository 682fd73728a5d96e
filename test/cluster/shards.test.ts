/** A source over six queues of a Cluster: everything that looks at deliveries, or changes them, goes to several nodes. */
import t from 'tap';
import { createPetstoreSender } from '../../senders/petstore.js';
import { post } from '../../senders/sender.js';
import { until, untilState } from '../support/deliveries.js';
import { startTestService } from '../support/service.js';
import { jobsById } from '../shards/support.js';
import { startCluster } from './cluster.js';
import { openHandlers, timesHandled } from './support.js';
import { noRedis } from '../support/redis-program.js';

t.setTimeout(300_000);

void t.test('a source over six queues of a Cluster', { skip: noRedis }, async (t) => {
  const sender = createPetstoreSender({ secret: 'a-test-secret' });
  const cluster = await startCluster(t);
  const { folder, ledger } = await openHandlers(t, ['broken']);
  const store = { url: cluster.url, prefix: 'shop' };
  const environment = { ...sender.environment, HANDLERS_DIR: folder, QUEUE_SHARDS: '6' };
  const { address } = await startTestService(t, store, environment);

  const api = async (path: string, body?: unknown) => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${address}/admin/api/${path}`, { ...init, headers });
    const found = (await answer.json()) as Record<string, unknown>;
    return { ...found, httpStatus: answer.status } as Record<string, unknown>;
  };
  async function deliver(id: string): Promise<string> {
    const request = await sender.request({ topic: 'broken', data: {} }, { id });
    const { body } = await post(address, request, { timeoutMs: 20_000 });
    return (JSON.parse(body) as { status: string }).status;
  }
  const depth = async (state: string) => {
    const metrics = await (await fetch(`${address}/metrics`)).text();
    return Number(
      new RegExp(`^hookline_queue_jobs\\{source="petstore",state="${state}"\\} (\\d+)$`, 'm').exec(
        metrics,
      )?.[1],
    );
  };

  // Always the same, so that they fall on the same shards: chance may well leave a node with five.
  const ids = Array.from({ length: 60 }, (_, count) => `shard-${count}`);
  await t.test('keys are on all nodes, and ids are duplicates', async (t) => {
    const answers = await Promise.all([...ids, ...ids].map(deliver));
    t.equal(answers.filter((answer) => answer === 'accepted').length, 60);
    t.equal(answers.filter((answer) => answer === 'duplicate').length, 60);
    for (const node of cluster.nodes) {
      const jobs = jobsById((await node.tell('KEYS', '*')) as string[]);
      t.ok(jobs.size > 5, `${jobs.size} jobs`);
    }
  });

  await t.test('depths are added up', async (t) => {
    await until('all to have failed', async () => (await depth('failed')) === 60);
    t.equal(await depth('waiting'), 0);
  });

  await t.test('each is found, by its id, by its job, and by pages', async (t) => {
    for (const id of ids.slice(0, 12)) {
      const found = await untilState(address, 'petstore', id, 'failed');
      t.match(await api(`deliveries/petstore/${encodeURIComponent(String(found['jobId']))}`), { id });
    }
    const met: string[] = [];
    let cursor = '';
    do {
      const page = (await api(
        `deliveries?state=failed&topic=broken&limit=7${cursor && `&cursor=${cursor}`}`,
      )) as unknown as {
        deliveries: Array<{ id: string; finishedAt: string }>;
        cursor: string | null;
      };
      met.push(...page.deliveries.map(({ id }) => id));
      cursor = page.cursor ?? '';
    } while (cursor);
    t.same(met.toSorted(), ids.toSorted(), 'each once');
  });

  await t.test('the dashboard shows each queue', async (t) => {
    const { queues } = (await (await fetch(`${address}/admin/queues/api/queues`)).json()) as {
      queues: Array<{ name: string }>;
    };
    const shown = queues.map(({ name }) => name).filter((name) => name.includes('petstore'));
    t.same(shown.toSorted(), ['petstore', ...[1, 2, 3, 4, 5].map((n) => `{petstore.${n}}`)]);
  });

  await t.test('one is discarded, and the rest is replayed, each once', async (t) => {
    const [gone = '', ...rest] = ids;
    t.match(await api(`deliveries/petstore/${gone}/discard`, { keepId: true }), { httpStatus: 200, done: 1 });
    t.equal(await deliver(gone), 'duplicate');
    (globalThis as { mended?: boolean }).mended = true;
    const { id: session } = await api('replays', { filter: { state: 'failed' }, rate: '1000/s' });
    await until(
      'the replay to end',
      async () => (await api(`replays/${String(session)}`))['status'] === 'done',
    );
    t.match(await api(`replays/${String(session)}`), { total: 59, done: 59, skipped: 0 });
    for (const id of rest) await untilState(address, 'petstore', id, 'completed');
    t.same(new Set(timesHandled(ledger, rest)), new Set([2]));
  });
});
