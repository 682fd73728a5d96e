/** The rules of `serialBy` and `latestBy`, one situation each. */
import { Worker } from 'bullmq';
import { writeFile, rm } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { until } from '../support/deliveries.js';
import { handlersFolder, openLedger, openQueue, startWorkers, type Ledger } from '../support/ledger.js';
import { openStore } from '../support/store.js';

interface Entry {
  id: string;
}

/** A handler that writes down whom it handled, and fails while a file named after the event exists. */
const handler = (more: string, folder = '') => `
  import { existsSync } from 'node:fs';
  export default {
    source: 'petstore', topic: '*', attempts: 1, ${more}
    async handle({ id, payload }) {
      if (existsSync('${folder}' + id)) throw new Error('broken');
      note({ id });
    },
  };
`;

const byKey = 'serialBy: ({ payload }) => payload.data.key,';

async function start(t: Test, more: string) {
  const store = await openStore(t);
  const ledger: Ledger<Entry> = await openLedger<Entry>(t);
  const HANDLERS_DIR = await handlersFolder(t, ledger, { 'any.mjs': handler(more, `${ledger.file}-`) });
  const { accept, queue } = openQueue(t, store);
  return {
    store,
    queue,
    accept: (...events: Array<[id: string, data: unknown]>) =>
      accept(...events.map(([id, data]) => ({ id, data }))),
    ids: () => ledger.read().map(({ id }) => id),
    break: (id: string) => writeFile(`${ledger.file}-${id}`, ''),
    mend: (id: string) => rm(`${ledger.file}-${id}`),
    work: () => startWorkers(t, store, 1, { HANDLERS_DIR }),
    job: async (id: string) => {
      const found = await queue.find(id);
      if (!found?.job) throw new Error(`there is no job of ${id}`);
      return found.job;
    },
  };
}

void t.test(
  'an event that another worker has taken and never looked at holds its own key only',
  async (t) => {
    const { store, accept, work, ids } = await start(t, byKey);
    await accept(['a1', { key: 'a' }]);
    // Takes the job as a worker that is killed in that moment: the lock runs out, nothing else happens.
    const dead = new Worker('petstore', undefined, {
      connection: { url: store.url },
      prefix: store.prefix,
      autorun: false,
      lockDuration: 5_000,
      skipLockRenewal: true,
      skipStalledCheck: true,
    });
    t.teardown(() => dead.close());
    t.match(await dead.getNextJob('token', { block: false }), { data: { id: 'a1' } });
    await accept(['a2', { key: 'a' }], ['b1', { key: 'b' }], ['c1', {}]);
    await work();
    await until('the others to be handled', () => ids().length === 2);
    t.same(new Set(ids()), new Set(['b1', 'c1']), 'while the key itself waits');
    await until('its turn to come when the lock has run out', () => ids().length === 4, 60_000);
    t.same(ids().slice(2), ['a1', 'a2']);
  },
);

void t.test('an event that was removed by hand before a worker saw it is not waited for', async (t) => {
  const { accept, work, ids, job } = await start(t, byKey);
  await accept(['a1', { key: 'a' }], ['a2', { key: 'a' }], ['a3', { key: 'a' }]);
  await (await job('a2')).remove();
  await work();
  await until('the rest to be handled', () => ids().length === 2, 8_000);
  t.same(ids(), ['a1', 'a3']);
});

void t.test("an event that failed for good lets its key go on, unless onDead is 'hold'", async (t) => {
  const released = await start(t, byKey);
  await released.break('a1');
  await released.accept(['a1', { key: 'a' }], ['a2', { key: 'a' }]);
  await released.work();
  await until('the next to be handled', () => released.ids().length === 1);
  t.same(released.ids(), ['a2']);
  t.equal(await (await released.job('a1')).getState(), 'failed');

  const held = await start(t, `${byKey} onDead: 'hold',`);
  await held.break('a1');
  await held.break('b1');
  await held.accept(
    ['a1', { key: 'a' }],
    ['a2', { key: 'a' }],
    ['b1', { key: 'b' }],
    ['b2', { key: 'b' }],
    ['c1', {}],
  );
  await held.work();
  await until('both to have failed and both to wait', async () => {
    const { failed, delayed } = await held.queue.depths();
    return failed === 2 && delayed === 2;
  });
  t.same(held.ids(), ['c1'], 'other events are handled');
  await held.mend('a1');
  await (await held.job('a1')).retry('failed', { resetAttemptsMade: true });
  await (await held.job('b1')).remove();
  await until('both keys to go on', () => held.ids().length === 4, 30_000);
  t.ok(held.ids().indexOf('a1') < held.ids().indexOf('a2'), 'the replayed one went first');
  t.notOk(held.ids().includes('b1'), 'the discarded one was skipped');
});

void t.test('versions of two kinds cannot be compared, and a key that is none is said so', async (t) => {
  const { accept, work, job, ids } = await start(t, 'latestBy: ({ payload }) => payload.data.of,');
  const of = (key: unknown, version: unknown) => ({ of: { key, version } });
  await accept(['n', of('a', 5)]);
  await work();
  await until('the first to be handled', () => ids().length === 1);
  await accept(['s', of('a', '2025')], ['k', of('', 1)], ['v', of('b', Number.NaN)], ['none', { of: null }]);
  await until('the one without a version to be handled', () => ids().includes('none'));
  await until(
    'the others to have failed',
    async () =>
      (await job('s')).failedReason !== undefined &&
      (await job('v')).failedReason !== undefined &&
      (await job('k')).failedReason !== undefined,
  );
  t.match(
    (await job('s')).failedReason,
    /versions of key a are texts in one event and numbers in another \(5 and 2025\)/,
  );
  t.match(
    (await job('k')).failedReason,
    /key that latestBy gives is a text that is not empty, or a number; it gave ""/,
  );
  t.match((await job('v')).failedReason, /version of latestBy .* it gave null/);
  t.same(ids(), ['n', 'none']);
});
