/** `rateLimit` of a handler, and a source's own limits, over two processes. */
import t from 'tap';
import { until } from '../support/deliveries.js';
import { handlersFolder, openLedger, openQueue, startWorkers } from '../support/ledger.js';
import { openStore } from '../support/store.js';

interface Entry {
  at: number;
  open: number;
  id: string;
}

function events(count: number, topic = 'limited') {
  return Array.from({ length: count }, (_, n) => ({ id: `${topic}-${n}`, topic, data: {} }));
}

/** The most entries within any stretch of `per` milliseconds. */
function mostWithin(entries: readonly Entry[], per: number): number {
  const times = entries.map(({ at }) => at).sort((a, b) => a - b);
  let first = 0;
  return Math.max(
    ...times.map((time, index) => {
      while ((times[first] ?? 0) <= time - per) first += 1;
      return index - first + 1;
    }),
  );
}

const handler = (more: string) => `
  let open = 0;
  export default {
    source: 'petstore', topic: '*', ${more}
    async handle({ id }) {
      open += 1;
      note({ at: Date.now(), open, id });
      await sleep(5);
      open -= 1;
    },
  };
`;

void t.test('no stretch of time has more starts than the handler allows', async (t) => {
  const store = await openStore(t);
  const ledger = await openLedger<Entry>(t);
  const code = handler(`rateLimit: { max: 10, per: '1s' },`);
  await startWorkers(t, store, 2, { HANDLERS_DIR: await handlersFolder(t, ledger, { 'limited.mjs': code }) });
  await openQueue(t, store).accept(...events(45));
  await until('all to be handled', () => ledger.read().length === 45, 60_000);
  const entries = ledger.read();
  // The clock that counts is that of the start's permission, a little before the handler reads its own.
  t.ok(mostWithin(entries, 900) <= 11, `${mostWithin(entries, 900)} within 0.9 s`);
  t.equal(new Set(entries.map(({ id }) => id)).size, 45, 'each once');
  const took = (entries.at(-1)?.at ?? 0) - (entries[0]?.at ?? 0);
  t.ok(took >= 3_800, 'five batches of ten need four stretches');
  t.comment(`45 events at 10/s: ${took} ms`);
});

void t.test("a source's own limits hold for all of its handlers", async (t) => {
  const store = await openStore(t);
  const ledger = await openLedger<Entry>(t);
  await startWorkers(t, store, 2, {
    HANDLERS_DIR: await handlersFolder(t, ledger, { 'any.mjs': handler('') }),
    PETSTORE_CONCURRENCY: '1',
    PETSTORE_HANDLE_RATE: '20/s',
  });
  const { accept, queue } = openQueue(t, store);
  await accept(...events(30, 'a'), ...events(30, 'b'));
  await until('all to be handled', () => ledger.read().length === 60, 60_000);
  const entries = ledger.read();
  t.equal(Math.max(...entries.map(({ open }) => open)), 1, 'one at a time in each process');
  const took = (entries.at(-1)?.at ?? 0) - (entries[0]?.at ?? 0);
  t.ok(took >= 1_500, '60 events at 20/s need more than a second and a half');
  t.comment(`60 events, one at a time at 20/s: ${took} ms`);

  await startWorkers(t, store, 1, {
    HANDLERS_DIR: await handlersFolder(t, ledger, { 'any.mjs': handler('') }),
  });
  await until(
    'a worker without limits to lift them',
    async () =>
      (await queue.queue.getGlobalConcurrency()) === null &&
      (await queue.queue.getGlobalRateLimit()) === null,
  );
  t.pass('both are lifted');
});
