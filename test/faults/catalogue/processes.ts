/** Processes that die, and processes that are replaced. */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../support/deliveries.js';
import type { Fault, Round } from '../fault.js';
import type { Run } from '../history.js';

/** Handlers that began in a process and have not ended. */
function inHand(runs: readonly Run[], pid: number | undefined): string[] {
  const open = new Set<string>();
  for (const run of runs) {
    if (run.pid !== pid) continue;
    if (run.what === 'began') open.add(run.id);
    else open.delete(run.id);
  }
  return [...open];
}

/** Kills the first worker with a handler in hand, one of these events where some are named. Answers what was cut. */
async function killWorker({ stage }: Round, wanted?: string[]): Promise<string[]> {
  const [worker] = stage.workers;
  const cut = () =>
    inHand(stage.runs(), worker?.current.child.pid).filter((id) => wanted?.includes(id) ?? true);
  await until('a handler to be in hand', () => cut().length > 0, 60_000);
  const ids = cut();
  await worker?.kill();
  await worker?.start();
  return ids;
}

export const processFaults: Fault[] = [
  {
    // Redis is 10 ms away: so some die before, some in and some after the accept.
    name: 'receiver killed',
    async run({ stage, random }) {
      stage.proxy.delay = 10;
      for (let deaths = 0; deaths < 3; deaths += 1) {
        await sleep(random.between(200, 900));
        await stage.receivers[0]?.kill();
        await stage.receivers[0]?.start();
      }
      stage.proxy.delay = 0;
    },
  },
  {
    name: 'worker killed in a handler',
    stage: { workers: 2, handling: 100 },
    excuses: { repeated: true },
    async run(round) {
      await killWorker(round);
    },
  },
  {
    name: 'worker killed twice with one event',
    stage: { workers: 1, handling: 300 },
    perSecond: 20,
    excuses: { repeated: true },
    async run(round) {
      const cut = await killWorker(round);
      await killWorker(round, cut);
    },
  },
  {
    name: 'SIGTERM under load',
    stage: { workers: 2, handling: 50 },
    async run({ stage, random }) {
      for (const one of [...stage.receivers, ...stage.workers]) {
        await sleep(random.between(100, 500));
        await one.stop();
        await one.start();
      }
    },
  },
  {
    name: 'rolling deploy',
    stage: { receivers: 2, workers: 2, handling: 50 },
    async run({ stage }) {
      for (const one of [...stage.receivers, ...stage.workers]) {
        await Promise.all([one.stop(), sleep(200)]);
        await one.start();
      }
    },
  },
];
