import type { Redis } from 'ioredis';

/** What Redis says of itself, all of it counted since its start but for the memory. */
export interface RedisReading {
  /** Calls of each command, those inside scripts among them. */
  commands: Map<string, number>;
  /** Reads from sockets: one for each round trip that is not sent together with others. */
  reads: number;
  bytesIn: number;
  bytesOut: number;
  cpuSeconds: number;
  memory: number;
  /** Bytes of the append-only file; falls when it is rewritten. */
  appended: number;
}

export async function readRedis(redis: Redis): Promise<RedisReading> {
  const info = await redis.info('everything');
  const field = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? NaN);
  const calls = info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return {
    commands: new Map([...calls].map(([, name = '', count]) => [name, Number(count)])),
    reads: field('total_reads_processed'),
    bytesIn: field('total_net_input_bytes'),
    bytesOut: field('total_net_output_bytes'),
    cpuSeconds: field('used_cpu_user') + field('used_cpu_sys'),
    memory: field('used_memory'),
    appended: field('aof_current_size'),
  };
}

/** Bytes, after Redis has let go of what it only meant to use again. */
export async function usedMemory(redis: Redis): Promise<number> {
  await redis.call('MEMORY', 'PURGE');
  return (await readRedis(redis)).memory;
}

/** What was added between two readings. */
export function difference(before: RedisReading, after: RedisReading): RedisReading {
  const added = [...after.commands].map(
    ([name, count]) => [name, count - (before.commands.get(name) ?? 0)] as const,
  );
  return {
    commands: new Map(added.filter(([, count]) => count > 0)),
    reads: after.reads - before.reads,
    bytesIn: after.bytesIn - before.bytesIn,
    bytesOut: after.bytesOut - before.bytesOut,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    memory: after.memory - before.memory,
    appended: after.appended - before.appended,
  };
}

/** Scripts that were called: each is a round trip, or part of one. */
export function scripts({ commands }: RedisReading): number {
  return (commands.get('evalsha') ?? 0) + (commands.get('eval') ?? 0);
}

/** Commands of all kinds, without those that only look: reading, counting and waiting for a queue to be empty. */
export function work({ commands }: RedisReading): number {
  const LOOKS = new Set(['info', 'llen', 'ping', 'config|get']);
  return [...commands].reduce((sum, [name, count]) => (LOOKS.has(name) ? sum : sum + count), 0);
}
