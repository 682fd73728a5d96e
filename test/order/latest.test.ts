/** `latestBy`: whatever the order and however often events come, the newest version is what stays. */
import t from 'tap';
import { until } from '../support/deliveries.js';
import { handlersFolder, openLedger, openQueue, startWorkers, type TestEvent } from '../support/ledger.js';
import { openStore } from '../support/store.js';

/** The whole size is `LATEST_TRIALS=1000 LATEST_WORKERS=4`. */
const TRIALS = Number(process.env['LATEST_TRIALS'] ?? 60);
const WORKERS = Number(process.env['LATEST_WORKERS'] ?? 2);

interface Entry {
  key: string;
  version: number | string;
  what: 'start' | 'written' | 'failed';
}

const HANDLER = `
  export default {
    source: 'petstore', topic: '*', attempts: 1000, backoff: { type: 'fixed', delay: 20 },
    latestBy: ({ payload }) => payload.data,
    async handle({ payload: { data } }) {
      note({ ...data, what: 'start' });
      await sleep(Math.random() * 10);
      if (Math.random() < 0.1) { note({ ...data, what: 'failed' }); throw new Error('by chance'); }
      note({ ...data, what: 'written' });
    },
  };
`;

/** Five versions of one entity, some of them twice, in any order: numbers in one trial, times in the next. */
function trial(index: number): TestEvent[] {
  const name = (version: number) =>
    index % 2 ? version * 9 : new Date(Date.UTC(2025, 0, version, 12)).toISOString();
  const versions = [1, 2, 3, 4, 5].flatMap((version) =>
    Math.random() < 0.4 ? [version, version] : [version],
  );
  return shuffle(versions).map((version, n) => ({
    id: `t${index}-${n}`,
    data: { key: `key ${index}`, version: name(version) },
  }));
}

function shuffle<T>(items: T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

void t.test('the final state is the newest version', { timeout: 600_000 }, async (t) => {
  const store = await openStore(t);
  const ledger = await openLedger<Entry>(t);
  await startWorkers(t, store, WORKERS, {
    HANDLERS_DIR: await handlersFolder(t, ledger, { 'any.mjs': HANDLER }),
  });
  const { accept, queue } = openQueue(t, store);
  const trials = Array.from({ length: TRIALS }, (_, index) => trial(index));
  const total = trials.flat().length;
  await accept(...shuffle(trials.flat()));
  await until('all to be completed', async () => (await queue.depths()).completed === total, 300_000);

  const open = new Map<string, Entry>();
  const final = new Map<string, Entry['version']>();
  const both: string[] = [];
  for (const entry of ledger.read()) {
    if (entry.what === 'start' && open.has(entry.key)) both.push(entry.key);
    if (entry.what === 'start') open.set(entry.key, entry);
    else open.delete(entry.key);
    if (entry.what === 'written') final.set(entry.key, entry.version);
  }
  t.same(both, [], 'no key was in two hands');
  const wrong = trials.filter((_, index) => {
    const newest = index % 2 ? 45 : '2025-01-05T12:00:00.000Z';
    return final.get(`key ${index}`) !== newest;
  });
  t.same(wrong, [], 'every key ended with its newest version');

  const jobs = await queue.queue.getCompleted(0, total);
  const stale = jobs.filter((job) => (job.returnvalue as { outcome?: string } | null)?.outcome === 'stale');
  const written = ledger.read().filter(({ what }) => what === 'written').length;
  t.equal(stale.length + written, total, 'each was handled or is stale');
  t.ok(stale.length > TRIALS, 'there were stale ones');
  for (const job of stale.slice(0, 20)) {
    const { newest } = job.returnvalue as { newest: Entry['version'] };
    const { version } = (JSON.parse(job.data.rawBody) as { data: Entry }).data;
    t.ok(version < newest, `${version} is older than ${newest}`);
    const [line = '{}'] = (await queue.queue.getJobLogs(job.id ?? '', -1, -1)).logs;
    t.match(JSON.parse(line), { event: 'attempt', outcome: 'stale' }, 'it is in the history');
  }
  t.comment(
    `${TRIALS} trials, ${total} events: ${written} handled, ${stale.length} stale, ${wrong.length} wrong`,
  );
});
