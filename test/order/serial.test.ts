/** `serialBy` over several processes: one at a time and in the accepting order for each key, whatever happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { until } from '../support/deliveries.js';
import { handlersFolder, openLedger, openQueue, startWorkers } from '../support/ledger.js';
import { openStore } from '../support/store.js';

/** The whole size is `ORDER_KEYS=50 ORDER_EVENTS=100 ORDER_WORKERS=4 ORDER_KILLS=2`. */
const KEYS = Number(process.env['ORDER_KEYS'] ?? 12);
const EVENTS = Number(process.env['ORDER_EVENTS'] ?? 15);
const WORKERS = Number(process.env['ORDER_WORKERS'] ?? 2);
const KILLS = Number(process.env['ORDER_KILLS'] ?? 1);

interface Entry {
  what: 'start' | 'fail' | 'end';
  key: string;
  n: number;
  pid: number;
  at: number;
}

const HANDLER = `
  export default {
    source: 'petstore', topic: '*', attempts: 1000, backoff: { type: 'fixed', delay: 30 },
    serialBy: ({ payload }) => payload.data.key,
    async handle({ payload: { data } }) {
      const entry = (what) => note({ what, ...data, pid: process.pid, at: Date.now() });
      entry('start');
      await sleep(Math.random() * 10);
      if (Math.random() < 0.1) { entry('fail'); throw new Error('by chance'); }
      entry('end');
    },
  };
`;

void t.test('order and exclusion by key, with failures and kills', { timeout: 600_000 }, async (t) => {
  const store = await openStore(t);
  const ledger = await openLedger<Entry>(t);
  const environment = { HANDLERS_DIR: await handlersFolder(t, ledger, { 'any.mjs': HANDLER }) };
  const workers = await startWorkers(t, store, WORKERS, environment);
  const receivers = [openQueue(t, store), openQueue(t, store)];

  const accepting = Array.from({ length: KEYS }, async (_, key) => {
    for (let n = 0; n < EVENTS; n += 1) {
      const receiver = receivers[Math.floor(Math.random() * receivers.length)];
      await receiver?.accept({ id: `k${key}-${n}`, data: { key: `k${key}`, n } });
    }
  });
  const killed = new Set<number>();
  const total = KEYS * EVENTS;
  const done = () => new Set(endsOf(ledger.read())).size;
  for (let kill = 1; kill <= KILLS; kill += 1) {
    await until('a part to be done', () => done() > (total * kill) / (KILLS + 2), 120_000);
    const victim = workers.shift();
    victim?.child.kill('SIGKILL');
    killed.add(victim?.child.pid ?? 0);
    await victim?.exited;
    workers.push(...(await startWorkers(t, store, 1, environment)));
  }
  await Promise.all(accepting);
  await until('every event to be handled', () => done() >= total, 300_000);
  await sleep(200);

  const entries = ledger.read();
  t.equal(killed.size, KILLS);
  t.same(faultsOf(entries, killed), [], 'no key was out of order or in two hands');
  const repeated = endsOf(entries).length - total;
  t.ok(repeated <= KILLS * 50, 'only what a killed worker had in hand was done twice');
  const [first, last] = [entries[0], entries.at(-1)];
  t.comment(
    `${KEYS} keys × ${EVENTS} events, ${WORKERS} workers, ${KILLS} kills: ${entries.length} entries, ` +
      `${entries.filter(({ what }) => what === 'fail').length} failures, ` +
      `${cutShort(entries)} cut short by a kill, ${repeated} done again as they were killed before they counted as done, ` +
      `${((last?.at ?? 0) - (first?.at ?? 0)) / 1_000} s`,
  );
});

function endsOf(entries: readonly Entry[]): string[] {
  return entries.filter(({ what }) => what === 'end').map(({ key, n }) => `${key} ${n}`);
}

/**
 * Goes through what happened: each key's events must begin in turn, each after the one before has ended well. The
 * last one may begin again where its worker was killed before BullMQ knew of its end.
 */
function faultsOf(entries: readonly Entry[], killed: Set<number>): string[] {
  const faults: string[] = [];
  const keys = new Map<string, { next: number; open?: Entry | undefined; ended?: Entry }>();
  for (const entry of entries) {
    const key = keys.get(entry.key) ?? { next: 0 };
    keys.set(entry.key, key);
    if (entry.what === 'start') {
      const { open } = key;
      if (open && !killed.has(open.pid))
        faults.push(`${entry.key}: ${entry.n} began while ${open.n} was in hand`);
      const again = entry.n === key.next - 1 && killed.has(key.ended?.pid ?? 0);
      if (entry.n !== key.next && !again)
        faults.push(`${entry.key}: ${entry.n} began when ${key.next} was next`);
      key.open = entry;
    } else {
      if (key.open?.pid !== entry.pid || key.open.n !== entry.n)
        faults.push(`${entry.key}: ${entry.n} was not open`);
      key.open = undefined;
      if (entry.what === 'end') {
        key.next = entry.n + 1;
        key.ended = entry;
      }
    }
  }
  return faults;
}

/** Attempts that began and neither failed nor ended: their worker was killed. */
function cutShort(entries: readonly Entry[]): number {
  const starts = entries.filter(({ what }) => what === 'start').length;
  return starts - (entries.length - starts);
}
