/** Minutes of load that receiver and worker can take for as long as one likes: what grows meanwhile? */
import { Redis } from 'ioredis';
import { acceptOnce, startServer } from './accept.js';
import { JobQueue, KEPT, QUEUE } from './jobs.js';
import { delayPercentile, readDelays, type Delays } from './loop-delay.js';
import type { Subject } from './processes.js';
import { pitchpointTraffic, type Traffic } from './requests.js';
import type { Cell, Section } from './section.js';
import { PREFIX } from './stage.js';
import { median } from './stats.js';
import { startWorker } from './worker.js';

const CONNECTIONS = 64;
const SHARE = 0.7;
/** Milliseconds. */
const MINUTE = 60_000;
const FULL_LOAD = 10_000;
const SAMPLE_EVERY = 2_000;
const MB = 1024 ** 2;

interface Actors {
  redis: Redis;
  queue: JobQueue;
  traffic: Traffic;
  receiver: Subject;
  worker: Subject;
}

export const enduranceSection: Section = {
  name: 'minutes at 70 % of capacity',
  long: true,
  async measure({ redisUrl, minutes }) {
    const redis = new Redis(redisUrl);
    const queue = new JobQueue(redisUrl, PREFIX);
    const ending: Array<() => Promise<void>> = [() => queue.close()];
    try {
      await redis.flushdb();
      const traffic = await pitchpointTraffic(1.1 * 1024);
      ending.push(() => traffic.close());
      const environment = { REDIS_URL: redisUrl, QUEUE_PREFIX: PREFIX };
      const receiver = await startServer('hookline', { ...environment, ...traffic.environment });
      ending.push(() => receiver.stop());
      const worker = await startWorker('empty', environment);
      ending.push(() => worker.stop());
      const actors = { redis, queue, traffic, receiver, worker };
      const rate = SHARE * (await capacityOf(actors));
      const rows: Array<Record<string, Cell>> = [];
      for (let minute = 1; minute <= minutes; minute += 1) {
        rows.push({ minute: String(minute), ...(await minuteOf(actors, rate)) });
      }
      return { columns: COLUMNS, rows: [...rows, lastToFirst(rows)] };
    } finally {
      for (const end of ending.toReversed()) await end();
      redis.disconnect();
    }
  },
};

const COLUMNS = {
  minute: 'minute',
  rate: 'events/s',
  receiver: 'receiver MB',
  worker: 'worker MB',
  receiverDelay: 'loop delay p99 ms, receiver',
  workerDelay: 'worker',
  waiting: 'jobs wait',
  redis: 'Redis MB',
  ids: 'ids remembered',
  eachId: 'bytes for each more',
  completed: `completed jobs (limit ${KEPT})`,
};

/** Events a second of receiver and worker together: what is accepted at full load counts when it is handled. */
async function capacityOf({ receiver, queue, traffic }: Actors): Promise<number> {
  const full = { connections: CONNECTIONS, duration: FULL_LOAD, next: traffic.next };
  await acceptOnce(receiver, full);
  await queue.empty();
  const started = performance.now();
  const { answers } = await acceptOnce(receiver, full);
  await queue.empty();
  return (answers / (performance.now() - started)) * 1_000;
}

async function minuteOf(actors: Actors, rate: number): Promise<Record<string, Cell>> {
  const { receiver, worker, redis, queue, traffic } = actors;
  const before = await stateOf(actors);
  const memory = { receiver: [] as number[], worker: [] as number[] };
  const sampling = setInterval(() => {
    memory.receiver.push(receiver.memoryBytes() / MB);
    memory.worker.push(worker.memoryBytes() / MB);
  }, SAMPLE_EVERY);
  const load = { connections: CONNECTIONS, duration: MINUTE, next: traffic.next, rate };
  const { rate: answered } = await acceptOnce(receiver, load).finally(() => clearInterval(sampling));
  const waiting = await redis.llen(`${PREFIX}:${QUEUE}:wait`);
  await queue.empty();
  const after = await stateOf(actors);
  return {
    rate: answered,
    receiver: median(memory.receiver),
    worker: median(memory.worker),
    receiverDelay: delayPercentile(before.receiver, after.receiver, 0.99),
    workerDelay: delayPercentile(before.worker, after.worker, 0.99),
    waiting,
    redis: after.memory / MB,
    ids: String(after.ids),
    eachId: (after.memory - before.memory) / (after.ids - before.ids),
    completed: String(await redis.zcard(`${PREFIX}:${QUEUE}:completed`)),
  };
}

/** With nothing in hand: what Redis holds is ids, the jobs it keeps, and the stream of events. */
async function stateOf({
  redis,
  receiver,
  worker,
}: Actors): Promise<{ memory: number; ids: number; receiver: Delays; worker: Delays }> {
  await redis.call('MEMORY', 'PURGE');
  const memory = Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
  const [ids, ...delays] = await Promise.all([redis.dbsize(), readDelays(receiver), readDelays(worker)]);
  return { memory, ids, receiver: delays[0], worker: delays[1] };
}

function lastToFirst(rows: Array<Record<string, Cell>>): Record<string, Cell> {
  const ratio = (key: string) => Number(rows.at(-1)?.[key]) / Number(rows[0]?.[key]);
  return { minute: 'last ÷ first', receiver: ratio('receiver'), worker: ratio('worker') };
}
