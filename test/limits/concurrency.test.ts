/** `concurrency` of one topic's handler, held over several processes, while other topics go on. */
import t from 'tap';
import { until } from '../support/deliveries.js';
import { handlersFolder, openLedger, openQueue, startWorkers } from '../support/ledger.js';
import { openStore } from '../support/store.js';

/** The whole size is `LIMIT_WORKERS=4 LIMIT_EVENTS=300 LIMIT_KILLS=1`. */
const WORKERS = Number(process.env['LIMIT_WORKERS'] ?? 2);
const EVENTS = Number(process.env['LIMIT_EVENTS'] ?? 40);
const KILLS = Number(process.env['LIMIT_KILLS'] ?? 0);
const LIMIT = 3;

interface Entry {
  what: 'start' | 'end';
  id: string;
  limited: boolean;
  pid: number;
  at: number;
}

const handler = (topic: string, more: string) => `
  export default {
    source: 'petstore', topic: '${topic}', ${more}
    async handle({ id }) {
      const entry = (what) => note({ what, id, limited: ${topic === 'limited'}, pid: process.pid, at: Date.now() });
      entry('start');
      // Long enough that a worker which begins late gets its part of the limited ones.
      await sleep(${topic === 'limited' ? 100 : 20});
      entry('end');
    },
  };
`;

void t.test('at most three of the limited topic at once', { timeout: 300_000 }, async (t) => {
  const store = await openStore(t);
  const ledger = await openLedger<Entry>(t);
  const HANDLERS_DIR = await handlersFolder(t, ledger, {
    'limited.mjs': handler('limited', `concurrency: ${LIMIT},`),
    'free.mjs': handler('free', ''),
  });
  const workers = await startWorkers(t, store, WORKERS, { HANDLERS_DIR });
  const { accept } = openQueue(t, store);
  // The limited ones come first, so that they would be in the way.
  await accept(...eventsOf('limited'), ...eventsOf('free'));
  const ended = (limited: boolean) =>
    new Set(
      ledger
        .read()
        .filter((entry) => entry.what === 'end' && entry.limited === limited)
        .map(({ id }) => id),
    ).size;

  const killed = new Set<number>();
  for (let kill = 0; kill < KILLS; kill += 1) {
    await until('some of the limited to be done', () => ended(true) > EVENTS / 4);
    const victim = workers.shift();
    victim?.child.kill('SIGKILL');
    killed.add(victim?.child.pid ?? 0);
  }
  await until('the free ones to be done', () => ended(false) === EVENTS, 60_000);
  const limitedThen = ended(true);
  await until('the limited ones to be done', () => ended(true) === EVENTS, 120_000);

  const entries = ledger.read();
  const limited = entries.filter((entry) => entry.limited);
  t.equal(mostAtOnce(limited, killed), LIMIT, 'as many as allowed, and no more');
  t.ok(new Set(limited.map(({ pid }) => pid)).size > 1, 'by several workers');
  t.ok(
    mostAtOnce(
      entries.filter((entry) => !entry.limited),
      killed,
    ) > LIMIT,
    'others are not limited',
  );
  t.ok(limitedThen < EVENTS, 'others did not wait for the limited ones');
  t.comment(
    `${EVENTS} limited and ${EVENTS} free events, ${WORKERS} workers, ${KILLS} kills: ` +
      `${mostAtOnce(limited, killed)} limited at once, ${mostAtOnce(
        entries.filter((entry) => !entry.limited),
        killed,
      )} free ` +
      `at once; ${limitedThen} limited done when the last free one was; ` +
      `${((limited.at(-1)?.at ?? 0) - (limited[0]?.at ?? 0)) / 1_000} s`,
  );
});

function eventsOf(topic: string) {
  return Array.from({ length: EVENTS }, (_, n) => ({ id: `${topic}-${n}`, topic, data: {} }));
}

/** What a killed worker had begun is not in hand any more when the next begins. */
function mostAtOnce(entries: readonly Entry[], killed: Set<number>): number {
  const open = new Map<string, Entry>();
  const alive = new Map<number, number>();
  for (const { pid, at } of entries) alive.set(pid, at);
  let most = 0;
  for (const entry of entries) {
    if (entry.what === 'end') open.delete(entry.id);
    else open.set(entry.id, entry);
    for (const [id, { pid }] of open) {
      if (killed.has(pid) && entry.at > (alive.get(pid) ?? 0) + 100) open.delete(id);
    }
    most = Math.max(most, open.size);
  }
  return most;
}
