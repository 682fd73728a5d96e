/** Minutes of load that receiver and worker can take for as long as one likes: what grows meanwhile? */
import { acceptOnce } from './accept.js';
import { KEPT, QUEUE } from './jobs.js';
import { delayPercentile, readDelays, type Delays } from './loop-delay.js';
import { usedMemory } from './redis-meter.js';
import type { Cell, Section } from './section.js';
import { CONNECTIONS, PREFIX, withStage, type Stage } from './stage.js';
import { median } from './stats.js';

const SHARE = 0.7;
/** Milliseconds. */
const MINUTE = 60_000;
const FULL_LOAD = 10_000;
const SAMPLE_EVERY = 2_000;
const MB = 1024 ** 2;

export const enduranceSection: Section = {
  name: 'minutes at 70 % of capacity',
  long: true,
  measure: ({ redisUrl, minutes }) =>
    withStage(redisUrl, async (stage) => {
      const rate = SHARE * (await capacityOf(stage));
      const rows: Array<Record<string, Cell>> = [];
      for (let minute = 1; minute <= minutes; minute += 1) {
        rows.push({ minute: String(minute), ...(await minuteOf(stage, rate)) });
      }
      return { columns: COLUMNS, rows: [...rows, lastToFirst(rows)] };
    }),
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
async function capacityOf({ receiver, queue, traffic }: Stage): Promise<number> {
  const full = { connections: CONNECTIONS, duration: FULL_LOAD, next: traffic.next };
  await acceptOnce(receiver, full);
  await queue.empty();
  const started = performance.now();
  const { answers } = await acceptOnce(receiver, full);
  await queue.empty();
  return (answers / (performance.now() - started)) * 1_000;
}

async function minuteOf(stage: Stage, rate: number): Promise<Record<string, Cell>> {
  const { receiver, worker, redis, queue, traffic } = stage;
  const before = await stateOf(stage);
  const memory = { receiver: [] as number[], worker: [] as number[] };
  const sampling = setInterval(() => {
    memory.receiver.push(receiver.memoryBytes() / MB);
    memory.worker.push(worker.memoryBytes() / MB);
  }, SAMPLE_EVERY);
  const load = { connections: CONNECTIONS, duration: MINUTE, next: traffic.next, rate };
  const { rate: answered } = await acceptOnce(receiver, load).finally(() => clearInterval(sampling));
  const waiting = await redis.llen(`${PREFIX}:${QUEUE}:wait`);
  await queue.empty();
  const after = await stateOf(stage);
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
}: Stage): Promise<{ memory: number; ids: number; receiver: Delays; worker: Delays }> {
  const memory = await usedMemory(redis);
  const [ids, ...delays] = await Promise.all([redis.dbsize(), readDelays(receiver), readDelays(worker)]);
  return { memory, ids, receiver: delays[0], worker: delays[1] };
}

function lastToFirst(rows: Array<Record<string, Cell>>): Record<string, Cell> {
  const ratio = (key: string) => Number(rows.at(-1)?.[key]) / Number(rows[0]?.[key]);
  return { minute: 'last ÷ first', receiver: ratio('receiver'), worker: ratio('worker') };
}
