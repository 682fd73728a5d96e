/**
 * `npm run bench:check`: has an event become dearer? Counts commands, and compares processor time with controls in the
 * same run; no rates, as those are the machine's. Each limit lies far from what is usual (in brackets) and on the near
 * side of what it guards against. Ends with 1 past a limit.
 */
import { measureAccept } from './accept.js';
import { scripts, work } from './redis-meter.js';
import { bytesOfOneKey, costsOf, type Costs } from './redis.js';
import { print } from './report.js';
import { pitchpointTraffic } from './requests.js';
import { withStage } from './stage.js';
import { median } from './stats.js';
import { openStores } from './stores.js';
import { measureWorkers } from './worker.js';

const ROUNDS = 3;
const EVENTS = 1_200;

interface Finding {
  what: string;
  value: number;
  limit: number;
}

const stores = await openStores();
try {
  const findings = [
    ...(await count(stores.url)),
    ...(await accepting(stores.url)),
    ...(await working(stores.url)),
  ];
  print('What an event costs', {
    columns: { what: 'what', value: 'now', limit: 'limit', verdict: '' },
    rows: findings.map(({ what, value, limit }) => ({
      what,
      value,
      limit,
      verdict: isDearer(value, limit) ? 'TOO MUCH' : 'ok',
    })),
  });
  process.exitCode = findings.some(({ value, limit }) => isDearer(value, limit)) ? 1 : 0;
} finally {
  await stores.close();
}

/** Numbers that no noise changes much; of several rounds the least, since a machine that stands still makes small batches. */
function count(redisUrl: string): Promise<Finding[]> {
  return withStage(redisUrl, async (stage) => {
    await costsOf(stage, EVENTS);
    const rounds: Costs[] = [];
    for (let round = 0; round < ROUNDS; round += 1) rounds.push(await costsOf(stage, EVENTS));
    const least = (figure: (costs: Costs) => number) =>
      Math.min(...rounds.map((costs) => figure(costs) / costs.events));
    return [
      // One for each event without batches [0.04].
      {
        what: 'scripts to accept an event, 64 at a time',
        value: least((c) => scripts(c.accepting)),
        limit: 0.25,
      },
      // [1.01]: the one that ends a job brings the next.
      { what: 'scripts to handle an event', value: least((c) => scripts(c.handling)), limit: 1.3 },
      // BullMQ's own, and two that number the events [42].
      { what: 'commands, inside scripts too', value: least((c) => work(c.together)), limit: 46 },
      // [1.9 kB]: the event and its arguments once.
      { what: 'bytes sent to Redis to accept', value: least((c) => c.accepting.bytesIn), limit: 2_200 },
      // [168]
      { what: 'bytes of a remembered id', value: await bytesOfOneKey(stage.redis), limit: 200 },
    ];
  });
}

async function accepting(redisUrl: string): Promise<Finding[]> {
  const runs = await measureAccept(
    {
      name: 'check',
      traffic: () => pitchpointTraffic(1.1 * 1024),
      servers: ['naive', 'hookline'],
    },
    { redisUrl, rounds: ROUNDS, warmUp: 300, duration: 700, connections: 64 },
  );
  return [{ what: 'CPU to accept ÷ naive', value: cpuRatio(runs['hookline'], runs['naive']), limit: 3 }];
}

async function working(redisUrl: string): Promise<Finding[]> {
  const runs = await measureWorkers(['bullmq', 'hookline'], { redisUrl, rounds: ROUNDS, jobs: EVENTS });
  return [{ what: 'CPU to handle ÷ BullMQ', value: cpuRatio(runs['hookline'], runs['bullmq']), limit: 3 }];
}

/** What could not be counted is no better. */
function isDearer(value: number, limit: number): boolean {
  return !(value <= limit);
}

type Cost = { cpuMicros: number };

function cpuRatio(subject: Cost[] = [], control: Cost[] = []): number {
  return median(subject.map(({ cpuMicros }, round) => cpuMicros / (control[round]?.cpuMicros ?? NaN)));
}
