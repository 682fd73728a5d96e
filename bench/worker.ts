/** Workers with a handler that does nothing: what each event costs beyond its handling. */
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { comparison } from './comparison.js';
import { JobQueue, KEPT } from './jobs.js';
import { startControl, startHookline, type Subject } from './processes.js';
import { difference, readRedis, scripts } from './redis-meter.js';
import type { Bench, Section } from './section.js';

const CONCURRENCY = 50;

/** One worker, its queue emptied once. */
export interface WorkerRun {
  /** Events a second. */
  rate: number;
  cpuMicros: number;
  /** Redis' own. */
  redisMicros: number;
  /** Scripts that Redis was asked to run, for one event. */
  scripts: number;
}

/** Hookline's worker on the handlers in `handlers/<name>`. */
export function startWorker(
  handler: 'empty' | 'tell' | 'wait',
  environment: Record<string, string>,
): Promise<Subject> {
  return startHookline('worker', {
    WORKER_CONCURRENCY: String(CONCURRENCY),
    KEEP_COMPLETED_COUNT: String(KEPT),
    HANDLERS_DIR: fileURLToPath(new URL(`./handlers/${handler}`, import.meta.url)),
    ...environment,
  });
}

const STARTS: Record<string, (environment: Record<string, string>) => Promise<Subject>> = {
  bullmq: (environment) =>
    startControl('worker', { WORKER_CONCURRENCY: String(CONCURRENCY), ...environment }),
  hookline: (environment) => startWorker('empty', environment),
  // As it is in production: a line of log for each event.
  'hookline, LOG_LEVEL=info': (environment) => startWorker('empty', { ...environment, LOG_LEVEL: 'info' }),
};

/** Every worker in every round, one after the other, each with a queue of its own that is full when it begins. */
export async function measureWorkers(
  names: string[],
  { redisUrl, rounds, jobs }: { redisUrl: string; rounds: number; jobs: number },
): Promise<Record<string, WorkerRun[]>> {
  const redis = new Redis(redisUrl);
  const all: Array<{ name: string; subject: Subject; queue: JobQueue }> = [];
  try {
    await redis.flushdb();
    for (const [index, name] of names.entries()) {
      const prefix = `bench-${index}`;
      const subject = await STARTS[name]?.({ REDIS_URL: redisUrl, QUEUE_PREFIX: prefix });
      if (!subject) throw new Error(`there is no worker ${name}`);
      all.push({ name, subject, queue: new JobQueue(redisUrl, prefix) });
    }
    const runs = Object.fromEntries(names.map((name) => [name, [] as WorkerRun[]]));
    for (let round = -1; round < rounds; round += 1) {
      for (const { name, subject, queue } of all) {
        const run = await emptyOnce(subject, queue, redis, jobs);
        if (round >= 0) runs[name]?.push(run);
      }
    }
    return runs;
  } finally {
    await Promise.all(all.flatMap(({ subject, queue }) => [subject.stop(), queue.close()]));
    redis.disconnect();
  }
}

async function emptyOnce(subject: Subject, queue: JobQueue, redis: Redis, jobs: number): Promise<WorkerRun> {
  await queue.fill(jobs);
  const before = await readRedis(redis);
  const cpu = subject.cpuSeconds();
  const milliseconds = await queue.drain();
  const used = difference(before, await readRedis(redis));
  return {
    rate: (jobs / milliseconds) * 1_000,
    cpuMicros: ((subject.cpuSeconds() - cpu) / jobs) * 1e6,
    redisMicros: (used.cpuSeconds / jobs) * 1e6,
    scripts: scripts(used) / jobs,
  };
}

export const workerSection: Section = {
  name: 'worker, empty handler',
  async measure({ redisUrl, rounds, quick }: Bench) {
    const runs = await measureWorkers(Object.keys(STARTS), {
      redisUrl,
      rounds,
      jobs: quick ? 3_000 : 10_000,
    });
    return comparison('worker', runs, {
      control: 'bullmq',
      measures: [
        { key: 'rate', heading: 'events/s', ratio: '÷ BullMQ' },
        { key: 'cpuMicros', heading: 'CPU µs each', ratio: 'CPU ÷ BullMQ' },
        { key: 'redisMicros', heading: 'Redis µs each' },
        { key: 'scripts', heading: 'scripts each' },
      ],
    });
  },
};
