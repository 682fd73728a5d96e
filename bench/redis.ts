/** What an event costs Redis: commands, bytes over the network and on the disk, memory while it waits and afterwards. */
import type { Redis } from 'ioredis';
import { KEPT, QUEUE } from './jobs.js';
import { difference, readRedis, scripts, usedMemory, work, type RedisReading } from './redis-meter.js';
import type { Section, Table } from './section.js';
import { PREFIX, withStage, type Stage } from './stage.js';

const STEPS = 4;

/** What Redis did for some events: while they were accepted, and while they were handled. */
export interface Costs {
  events: number;
  accepting: RedisReading;
  handling: RedisReading;
  together: RedisReading;
}

/** Accepts at least `count` events, then has them handled. */
export async function costsOf({ redis, queue, accept }: Stage, count: number): Promise<Costs> {
  const before = await readRedis(redis);
  const events = await accept(count);
  const accepted = await readRedis(redis);
  await queue.drain();
  const handled = await readRedis(redis);
  return {
    events,
    accepting: difference(before, accepted),
    handling: difference(accepted, handled),
    together: difference(before, handled),
  };
}

const costSection: Section = {
  name: 'Redis, each event',
  measure: ({ redisUrl, quick }) =>
    withStage(redisUrl, async (stage) => {
      const count = quick ? 3_000 : 20_000;
      // A file that is rewritten shrinks, and could not be measured.
      await stage.redis.config('SET', 'auto-aof-rewrite-percentage', '0').catch(() => {});
      // The scripts loaded, the stream of events at its full length.
      await costsOf(stage, count);
      const { events, ...parts } = await costsOf(stage, count);
      return {
        columns: {
          part: 'part',
          scripts: 'scripts',
          commands: 'commands, inside scripts too',
          reads: 'reads',
          cpu: 'CPU µs',
          bytesIn: 'bytes in',
          bytesOut: 'bytes out',
          appended: 'bytes to the AOF',
          memory: 'memory',
          named: 'which commands',
        },
        rows: Object.entries(parts).map(([part, used]) => ({
          part,
          scripts: scripts(used) / events,
          commands: work(used) / events,
          reads: used.reads / events,
          cpu: (used.cpuSeconds / events) * 1e6,
          bytesIn: used.bytesIn / events,
          bytesOut: used.bytesOut / events,
          appended: used.appended / events,
          memory: used.memory / events,
          named: part === 'together' ? '' : named(used, events),
        })),
      };
    }),
};

/** Commands that come at least once in a hundred events. */
function named({ commands }: RedisReading, events: number): string {
  return [...commands]
    .map(([name, count]) => [name, count / events] as const)
    .filter(([, each]) => each >= 0.01)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, each]) => `${name} ${each.toFixed(2)}`)
    .join(', ');
}

const memorySection: Section = {
  name: 'Redis, each remembered id',
  long: true,
  measure: ({ redisUrl, ids }) =>
    withStage(redisUrl, async ({ redis, queue, accept }) => {
      const rows: Table['rows'] = [];
      // Completed jobs and the stream of events have reached their limits before anything is counted.
      let remembered = await accept(3 * KEPT);
      await queue.drain();
      const first = { remembered, memory: await usedMemory(redis) };
      let last = first;
      for (let step = 1; step <= STEPS; step += 1) {
        remembered += await accept(Math.ceil(ids / STEPS));
        await queue.drain();
        const now = { remembered, memory: await usedMemory(redis) };
        rows.push({
          ids: String(remembered),
          slope: (now.memory - last.memory) / (now.remembered - last.remembered),
          mean: (now.memory - first.memory) / (now.remembered - first.remembered),
          ofKey: await bytesOfOneKey(redis),
          completed: String(await redis.zcard(`${PREFIX}:${QUEUE}:completed`)),
          stream: String(await redis.xlen(`${PREFIX}:${QUEUE}:events`)),
        });
        last = now;
      }
      return {
        columns: {
          ids: 'ids remembered',
          slope: 'bytes each, since the last row',
          mean: 'bytes each, in all',
          ofKey: 'MEMORY USAGE of one',
          completed: `completed jobs kept (limit ${KEPT})`,
          stream: 'events in the stream',
        },
        rows,
      };
    }),
};

/** The mean of some of the keys that stand for webhook ids. */
export async function bytesOfOneKey(redis: Redis): Promise<number> {
  const [, keys] = await redis.scan('0', 'MATCH', `${PREFIX}:${QUEUE}:de:*`, 'COUNT', 2_000);
  const sizes = await Promise.all(keys.slice(0, 50).map((key) => redis.memory('USAGE', key)));
  return sizes.reduce<number>((sum, size) => sum + Number(size), 0) / sizes.length;
}

export const redisSections: Section[] = [costSection, memorySection];
