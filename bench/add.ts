/** BullMQ alone: what it takes to queue a job, one by one and in bulk. */
import { Redis } from 'ioredis';
import { startControl } from './processes.js';
import { difference, readRedis } from './redis-meter.js';
import type { Section } from './section.js';
import type { AddRequest, AddResult } from './servers/adder.js';
import { spreadOf } from './stats.js';

const WAYS: Array<[name: string, together: number]> = [
  ['add, 64 under way', 1],
  ['addBulk of 50', 50],
];

export const addSection: Section = {
  name: 'BullMQ alone',
  async measure({ redisUrl, rounds, quick }) {
    const jobs = quick ? 3_000 : 10_000;
    const redis = new Redis(redisUrl);
    const adder = await startControl('adder', { REDIS_URL: redisUrl, QUEUE_PREFIX: 'bench-add' });
    const runs = WAYS.map(([name]) => ({
      name,
      rate: [] as number[],
      cpu: [] as number[],
      redis: [] as number[],
    }));
    try {
      for (let round = -1; round < rounds; round += 1) {
        for (const [index, [, together]] of WAYS.entries()) {
          await redis.flushdb();
          const before = await readRedis(redis);
          adder.send({ together, jobs } satisfies AddRequest);
          const { seconds, cpuSeconds } = await adder.message<AddResult>();
          const used = difference(before, await readRedis(redis));
          if (round < 0) continue;
          runs[index]?.rate.push(jobs / seconds);
          runs[index]?.cpu.push((cpuSeconds / jobs) * 1e6);
          runs[index]?.redis.push((used.cpuSeconds / jobs) * 1e6);
        }
      }
    } finally {
      await adder.stop();
      redis.disconnect();
    }
    return {
      columns: { way: 'way', rate: 'jobs/s', cpuMicros: 'CPU µs each', redisMicros: 'Redis µs each' },
      rows: runs.map(({ name, rate, cpu, redis }) => ({
        way: name,
        rate: spreadOf(rate),
        cpuMicros: spreadOf(cpu),
        redisMicros: spreadOf(redis),
      })),
    };
  },
};
