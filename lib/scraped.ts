/**
 * Gauges that are asked for at each scrape. What is asked of Redis is told by every receiver, and is the same in all:
 * read it with max. A Redis that does not answer in time leaves its figures out, and no stale ones in.
 */
import { Gauge, type Registry } from 'prom-client';
import { withDeadline } from './deadline.js';
import type { Depths } from './queue/delivery-queue.js';

/** Milliseconds. */
const SCRAPE_DEADLINE = 1_000;
const ALIKE = 'Alike in every receiver: read with max, not sum.';

/** One figure of this process. */
export function watchValue(registry: Registry, name: string, help: string, value: () => number): void {
  const gauge = new Gauge({
    name,
    help,
    registers: [],
    collect() {
      this.set(value());
    },
  });
  registry.registerMetric(gauge);
}

export function watchDepths(
  registry: Registry,
  queues: Iterable<[source: string, queue: { depths(): Promise<Depths> }]>,
): void {
  const watched = [...queues];
  const help = `Jobs by source and state. ${ALIKE}`;
  watchSeries(registry, { name: 'hookline_queue_jobs', help, labelNames: ['source', 'state'] }, () =>
    watched.map(async ([source, queue]) =>
      Object.entries(await queue.depths()).map(([state, value]) => ({ labels: { source, state }, value })),
    ),
  );
}

/** @param ask seconds that the first of a source's queue has waited */
export function watchOldestWaiting(
  registry: Registry,
  sources: Iterable<string>,
  ask: (source: string) => Promise<number>,
): void {
  const watched = [...sources];
  const name = 'hookline_queue_oldest_waiting_seconds';
  const help = `Time since the event that is next was received, or replayed; 0 when none waits, by source. ${ALIKE}`;
  watchSeries(registry, { name, help, labelNames: ['source'] }, () =>
    watched.map(async (source) => [{ labels: { source }, value: await ask(source) }]),
  );
}

export function watchRedisMemory(
  registry: Registry,
  redis: { info(section: 'memory'): Promise<string> },
): void {
  const of = async (read: (memory: Map<string, number>) => number) => {
    const value = read(parseInfo(await redis.info('memory')));
    // A store that does not know the machine's memory says 0.
    return value > 0 ? [{ labels: {}, value }] : [];
  };
  const used = (memory: Map<string, number>) => memory.get('used_memory') ?? 0;
  const limit = (memory: Map<string, number>) =>
    memory.get('maxmemory') || memory.get('total_system_memory') || 0;
  const gauges = [
    ['hookline_redis_memory_used_bytes', 'Memory that Redis uses.', used],
    [
      'hookline_redis_memory_limit_bytes',
      "Redis' maxmemory, or its machine's memory where none is set.",
      limit,
    ],
  ] as const;
  for (const [name, help, read] of gauges)
    watchSeries(registry, { name, help: `${help} ${ALIKE}`, labelNames: [] }, () => [of(read)]);
}

interface Series {
  labels: Record<string, string>;
  value: number;
}

/** Asks for all series of a gauge at once, each part within the deadline or not at all. */
function watchSeries(
  registry: Registry,
  config: { name: string; help: string; labelNames: string[] },
  ask: () => Array<Promise<Series[]>>,
): void {
  const gauge = new Gauge({
    ...config,
    registers: [],
    async collect() {
      const parts = await Promise.all(
        ask().map((part) => withDeadline(part, SCRAPE_DEADLINE).catch((): Series[] => [])),
      );
      // In one go, so that a scrape that begins meanwhile finds all or writes it anew.
      this.reset();
      // A gauge without labels begins at 0 otherwise, which would be told of a Redis that does not answer.
      if (config.labelNames.length === 0) this.remove();
      for (const { labels, value } of parts.flat()) this.set(labels, value);
    },
  });
  registry.registerMetric(gauge);
}

/** The `name:number` lines of INFO. */
function parseInfo(text: string): Map<string, number> {
  const lines = text.matchAll(/^(\w+):(\d+)\r?$/gm);
  return new Map(Array.from(lines, ([, name = '', value]) => [name, Number(value)]));
}
