/** Steps of events whose workers are killed at random moments. */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { until } from '../support/deliveries.js';
import { handlersFolder, openLedger, openQueue, startWorkers } from '../support/ledger.js';
import { openStore } from '../support/store.js';

/** The whole size is `STEP_EVENTS=200 STEP_KILLS=10`. */
const EVENTS = Number(process.env['STEP_EVENTS'] ?? 40);
const KILLS = Number(process.env['STEP_KILLS'] ?? 2);
const STEPS = ['charge', 'ship', 'mail'];

interface Entry {
  what: 'effect' | 'kept' | 'end';
  id: string;
  step?: string;
  key?: string;
  result?: unknown;
  pid: number;
}

const HANDLER = `
  export default {
    source: 'petstore', topic: '*', attempts: 1000, backoff: { type: 'fixed', delay: 50 },
    async handle({ id }, ctx) {
      const entry = (what, more) => note({ what, id, pid: process.pid, ...more });
      for (const step of ${JSON.stringify(STEPS)}) {
        await sleep(Math.random() * 20);
        const result = await ctx.step(step, async ({ idempotencyKey }) => {
          entry('effect', { step, key: idempotencyKey });
          await sleep(Math.random() * 150);
          return { by: process.pid, nonce: Math.random() };
        });
        entry('kept', { step, result });
        if (Math.random() < 0.05) throw new Error('by chance, between steps');
      }
      entry('end');
    },
  };
`;

void t.test('each effect once, but for what was in flight at a kill', { timeout: 600_000 }, async (t) => {
  const store = await openStore(t);
  const ledger = await openLedger<Entry>(t);
  const environment = {
    HANDLERS_DIR: await handlersFolder(t, ledger, { 'any.mjs': HANDLER }),
    WORKER_CONCURRENCY: '3',
  };
  const workers = await startWorkers(t, store, 2, environment);
  const { accept } = openQueue(t, store);
  const ids = Array.from({ length: EVENTS }, (_, n) => `evt-${n}`);
  await accept(...ids.map((id) => ({ id, data: {} })));

  const killed = new Set<number>();
  const ended = () =>
    new Set(
      ledger
        .read()
        .filter(({ what }) => what === 'end')
        .map(({ id }) => id),
    ).size;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const part = ((kill + Math.random()) / KILLS) * EVENTS * 0.9;
    await until('some to be done', () => ended() >= part, 120_000);
    await sleep(Math.random() * 50);
    const victim = workers.shift();
    victim?.child.kill('SIGKILL');
    killed.add(victim?.child.pid ?? 0);
    workers.push(...(await startWorkers(t, store, 1, environment)));
  }
  await until('all to be done', () => ended() === EVENTS, 120_000);

  const entries = ledger.read();
  const effects = groupBy(entries.filter(({ what }) => what === 'effect'));
  const kept = groupBy(entries.filter(({ what }) => what === 'kept'));
  t.equal(effects.size, EVENTS * STEPS.length, 'each step of each event had its effect');
  // In flight: its worker was killed after the effect, before the handler had the step's result.
  const inFlight = [...effects].filter(
    ([step, [first]]) =>
      killed.has(first?.pid ?? 0) && !kept.get(step)?.some(({ pid }) => pid === first?.pid),
  );
  const twice = [...effects].filter(([, { length }]) => length > 1);
  t.ok(killed.size === KILLS && inFlight.length <= KILLS * 3);
  const unexplained = twice.filter(([step]) => !inFlight.some(([other]) => other === step));
  t.same(unexplained, [], 'what happened twice was in flight at a kill');
  for (const [step, again] of twice) {
    t.equal(new Set(again.map(({ key }) => key)).size, 1, `${step} had one idempotency key`);
  }
  t.equal(
    new Set([...effects.values()].map(([first]) => first?.key)).size,
    effects.size,
    'no two steps share one',
  );
  for (const [step, results] of kept) {
    const differing = new Set(results.map(({ result }) => JSON.stringify(result)));
    if (differing.size !== 1) t.fail(`${step} gave different results`);
  }
  t.comment(
    `${EVENTS} events × ${STEPS.length} steps, ${KILLS} kills: ${effects.size - twice.length} effects once, ` +
      `${inFlight.length} in flight at a kill, of which ${twice.length} happened again; ` +
      `${[...kept.values()].flat().length - effects.size} times a kept result was given instead`,
  );
});

function groupBy(entries: readonly Entry[]): Map<string, Entry[]> {
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const name = `${entry.id} ${entry.step}`;
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  return groups;
}
