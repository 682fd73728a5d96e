/** The number of a source's shards, and its change while receivers of several numbers take deliveries. */
import { randomUUID } from 'node:crypto';
import t from 'tap';
import { ShardRecord } from '../../lib/queue/shard-record.js';
import { homeOf } from '../../lib/queue/shards.js';
import { until } from '../support/deliveries.js';
import { openStore } from '../support/store.js';
import { deliveryOf, jobsById, keysOf, openShards, WINDOW, type OpenQueue } from './support.js';

t.setTimeout(120_000);

const server = await openStore(t);
let count = 0;
/** A prefix of its own for each test. */
const own = () => ({ ...server, prefix: `${server.prefix}-${(count += 1)}` });
const ids = (many: number) => Array.from({ length: many }, () => randomUUID());

void t.test('one shard has the keys that there are without shards, and no others', async (t) => {
  const store = own();
  const { queue, redis } = await openShards(t, store, 1);
  await queue.accept(deliveryOf('evt-1'));
  const names = (await keysOf(redis, store.prefix)).map((key) => key.replace(/~[\w-]+$/, '~…')).toSorted();
  const expected = ['de:evt-1', 'evt-1~…', 'marker', 'meta', 'seq', 'wait'];
  t.same(
    names,
    expected.map((name) => `${store.prefix}:petstore:${name}`),
  );
});

void t.test('each shard but the first has a hash tag of its own, and its share', async (t) => {
  const store = own();
  const { queue, redis } = await openShards(t, store, 6);
  const all = ids(300);
  const answers = await Promise.all([...all, ...all].map((id) => queue.accept(deliveryOf(id))));
  t.equal(answers.filter(({ status }) => status === 'accepted').length, 300);
  t.match(await queue.depths(), { waiting: 300 });
  const keys = (await keysOf(redis, store.prefix)).filter((key) => key.includes('~'));
  for (const [index, part] of ['petstore', ...[1, 2, 3, 4, 5].map((n) => `{petstore.${n}}`)].entries()) {
    const here = keys.filter((key) => key.startsWith(`${store.prefix}:${part}:`));
    t.equal(here.length, all.filter((id) => homeOf(id, 6) === index).length, part);
    t.ok(here.length > 20, `${here.length} of 300`);
  }
});

void t.test('ids stay duplicates when the number changes, and receivers follow', async (t) => {
  const store = own();
  const { queue: old, redis } = await openShards(t, store, 1);
  const before = ids(50);
  await Promise.all(before.map((id) => old.accept(deliveryOf(id))));
  const { queue: new6 } = await openShards(t, store, 6);
  const between = ids(50);
  for (const id of [...before, ...between]) {
    const [first, second] = await Promise.all([new6.accept(deliveryOf(id)), old.accept(deliveryOf(id))]);
    t.equal(first.jobId, second.jobId);
  }
  const { queue: new3 } = await openShards(t, store, 3);
  const answers = await Promise.all([...before, ...between].map((id) => new3.accept(deliveryOf(id))));
  t.same(new Set(answers.map(({ status }) => status)), new Set(['duplicate']));
  const counts = jobsById(await keysOf(redis, store.prefix));
  t.same([counts.size, new Set(counts.values())], [100, new Set([1])]);
  t.equal((await new3.find(before[0] ?? ''))?.job?.data.id, before[0], 'it is found where it was accepted');
});

void t.test('a delivery that is tried again under its job id after a change is the same one', async (t) => {
  const store = own();
  const { queue: old } = await openShards(t, store, 1);
  const [id = ''] = ids(1);
  const { jobId } = await old.accept(deliveryOf(id));
  const { queue: now } = await openShards(t, store, 6);
  t.same(await now.accept(deliveryOf(id), jobId), { status: 'accepted', jobId });
  t.match(await now.depths(), { waiting: 1 });
});

void t.test('no id is accepted twice while the number changes under load', async (t) => {
  const store = own();
  const queues: OpenQueue[] = [await openShards(t, store, 1)];
  const accepted = new Map<string, number>();
  const recent: string[] = [];
  const stop = new AbortController();

  async function load(): Promise<void> {
    while (!stop.signal.aborted) {
      // New ones through all receivers at once, and old ones again.
      const some = [...ids(5), ...recent.slice(-2_000).filter((_, index) => index % 100 === 0)];
      recent.push(...some.slice(0, 5));
      const answers = some.flatMap((id) =>
        queues.map(async ({ queue }) => ({ id, ...(await queue.accept(deliveryOf(id))) })),
      );
      for (const { id, status } of await Promise.all(answers))
        if (status === 'accepted') accepted.set(id, (accepted.get(id) ?? 0) + 1);
    }
  }
  const more = async (many: number) => {
    const before = accepted.size;
    await until(`${many} more`, () => accepted.size > before + many, 60_000);
  };

  const loads = [load(), load(), load()];
  for (const number of [6, 3, 1, 6]) {
    await more(150);
    queues.push(await openShards(t, store, number));
  }
  await more(150);
  stop.abort();
  await Promise.all(loads);
  t.same(new Set(accepted.values()), new Set([1]), 'each was accepted once');
  const counts = jobsById(await keysOf((queues[0] as OpenQueue).redis, store.prefix));
  t.same(
    [...counts].filter(([, jobs]) => jobs !== 1),
    [],
    'each has one job',
  );
  t.equal(counts.size, recent.length, 'and none is missing');
});

void t.test('an earlier number is left by all, and forgotten after the window', async (t) => {
  const store = own();
  const { queue: old, redis } = await openShards(t, store, 6);
  await openShards(t, store, 3);
  const record = `${store.prefix}:petstore:shards`;
  const earlier = async () =>
    JSON.parse((await redis.hget(record, 'earlier')) ?? '{}') as Record<string, number>;
  await until('everybody to have left it', async () =>
    Object.values(await earlier()).every((left) => left > 0),
  );
  t.same(Object.keys(await earlier()).toSorted(), ['1', '6']);
  for (const index of [0, 1, 2, 3, 4, 5])
    t.equal(
      await redis.get(old.keyOf(index, 'fence')),
      '2',
      `shard ${index} takes nothing by the earlier ones`,
    );
  // As if that were long ago.
  const longAgo = Date.now() - WINDOW - 3_600_000;
  await redis.hset(record, 'earlier', JSON.stringify({ 1: Date.now(), 6: longAgo }));
  const { queue } = await openShards(t, store, 3);
  t.same(Object.keys(await earlier()), ['1']);
  t.equal((await queue.shards()).length, 6, 'what it left there is still looked at');
});

void t.test('a record that was lost is written anew', async (t) => {
  const store = own();
  const { queue, redis } = await openShards(t, store, 6);
  const all = ids(30);
  await Promise.all(all.map((id) => queue.accept(deliveryOf(id))));
  await redis.del(`${store.prefix}:petstore:shards`);
  const { queue: another } = await openShards(t, store, 6);
  const answers = await Promise.all(all.map((id) => another.accept(deliveryOf(id))));
  t.same(new Set(answers.map(({ status }) => status)), new Set(['duplicate']));
  t.equal((await queue.accept(deliveryOf(randomUUID()))).status, 'accepted', 'and the others go on');
});

void t.test('while a worker needs one queue for all, the number stays 1', async (t) => {
  const store = own();
  const { redis } = await openShards(t, store, 1);
  const record = new ShardRecord({ source: 'petstore', redis, prefix: store.prefix, wanted: undefined });
  await record.askForOneQueue();
  const { queue } = await openShards(t, store, 6);
  await Promise.all(ids(20).map((id) => queue.accept(deliveryOf(id))));
  t.equal((await queue.shards()).length, 1);
  t.match(await record.read(), { number: 1, most: 1, epoch: 0 });
  await redis.del(`${store.prefix}:petstore:one-queue`);
  const { queue: later } = await openShards(t, store, 6);
  t.equal((await later.shards()).length, 6, 'and no longer');
});
