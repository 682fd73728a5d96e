/** Handlers that wait for somebody else: does a second worker process do as much as the first? */
import { Redis } from 'ioredis';
import { WAIT } from './handlers/wait/wait.js';
import { JobQueue } from './jobs.js';
import type { Subject } from './processes.js';
import type { Section } from './section.js';
import { ratios, spreadOf } from './stats.js';
import { startWorker } from './worker.js';

const COUNTS = [1, 2, 4];

export const scalingSection: Section = {
  name: `workers, handlers that wait ${WAIT} ms`,
  async measure({ redisUrl, rounds, quick, concurrency }) {
    const jobsEach = quick ? 500 : 3_000;
    const redis = new Redis(redisUrl);
    await redis.flushdb();
    const groups: Array<{ workers: Subject[]; queue: JobQueue; rate: number[]; cpu: number[] }> = [];
    try {
      for (const count of COUNTS) {
        const environment = {
          REDIS_URL: redisUrl,
          QUEUE_PREFIX: `bench-${count}`,
          WORKER_CONCURRENCY: String(concurrency),
        };
        const workers = await Promise.all(
          Array.from({ length: count }, () => startWorker('wait', environment)),
        );
        const queue = new JobQueue(redisUrl, environment.QUEUE_PREFIX);
        groups.push({ workers, queue, rate: [], cpu: [] });
      }
      for (let round = -1; round < rounds; round += 1) {
        for (const { workers, queue, rate, cpu } of groups) {
          const jobs = jobsEach * workers.length;
          await queue.fill(jobs);
          const before = total(workers);
          const milliseconds = await queue.drain();
          if (round < 0) continue;
          rate.push((jobs / milliseconds) * 1_000);
          cpu.push(((total(workers) - before) / jobs) * 1e6);
        }
      }
    } finally {
      await Promise.all(
        groups.flatMap(({ workers, queue }) => [queue.close(), ...workers.map((one) => one.stop())]),
      );
      redis.disconnect();
    }
    const ideal = (concurrency * 1_000) / WAIT;
    const alone = groups[0]?.rate ?? [];
    return {
      columns: {
        processes: 'processes',
        rate: 'events/s',
        ofLinear: 'share of linear',
        ofIdeal: `of ${ideal}/s each`,
        cpuMicros: 'CPU µs each',
      },
      rows: groups.map(({ workers: { length: count }, rate, cpu }) => ({
        processes: String(count),
        rate: spreadOf(rate),
        ofLinear: ratios(
          rate,
          alone.map((one) => one * count),
        ),
        ofIdeal: spreadOf(rate.map((one) => one / (ideal * count))),
        cpuMicros: spreadOf(cpu),
      })),
    };
  },
};

function total(workers: Subject[]): number {
  return workers.reduce((sum, worker) => sum + worker.cpuSeconds(), 0);
}
