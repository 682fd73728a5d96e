import type { RedisConnection } from './connection.js';
import type { Argument, LuaScript } from './lua-script.js';

/**
 * What Redis must have done with an event before its sender is answered 200. docs/reliability.md tells the promise and
 * the price of each.
 * - `redis`: it has executed the write; when that is on its disk is up to `appendfsync`.
 * - `fsync`: its append-only file is synced too (WAITAOF; Redis 7.2, Valkey).
 * - `replica`: a replica has it too (WAIT).
 * - `replica-fsync`: both append-only files are synced (WAITAOF).
 */
export const DURABILITIES = ['redis', 'fsync', 'replica', 'replica-fsync'] as const;
export type Durability = (typeof DURABILITIES)[number];

/** The command that waits for it, sent behind the writes of the same connection; `timeout` in milliseconds. */
export function waitCommand(durability: Durability, timeout: number): [string, ...string[]] | undefined {
  if (durability === 'redis') return undefined;
  if (durability === 'replica') return ['WAIT', '1', String(timeout)];
  return ['WAITAOF', '1', durability === 'fsync' ? '0' : '1', String(timeout)];
}

/** Does the reply of that command say that it is so? WAIT tells how many replicas, WAITAOF how many disks and replicas. */
export function isDurable(durability: Durability, reply: unknown): boolean {
  if (durability === 'redis') return true;
  if (durability === 'replica') return Number(reply) >= 1;
  const [local, replicas] = Array.isArray(reply) ? reply.map(Number) : [0, 0];
  return (local ?? 0) >= 1 && (durability === 'fsync' || (replicas ?? 0) >= 1);
}

export interface DurableRun {
  keys: string[];
  args: Argument[];
  durability: Durability;
  /** Milliseconds that the whole may take. */
  timeout: number;
}

/** Redis should give up waiting before we do: its reply tells more than none. */
const WAIT_SHARE = 0.8;

/**
 * The reply of a script that writes, once what it wrote is as durable as it should be.
 * @throws when Redis does not say that it is; it may be so all the same
 */
export async function runDurably(
  redis: RedisConnection,
  script: LuaScript,
  { keys, args, durability, timeout }: DurableRun,
): Promise<unknown> {
  const wait = waitCommand(durability, Math.floor(timeout * WAIT_SHARE));
  if (!wait) return script.run(redis, keys, args);
  const [answer, reply] = await runAndWait(redis, script, keys, args, wait);
  if (!isDurable(durability, reply))
    throw new Error(`not in time as durable as DURABILITY=${durability} asks`);
  return answer;
}

/** What is waited for must be what this very connection has written: Redis answers for no other. */
async function runAndWait(
  redis: RedisConnection,
  script: LuaScript,
  keys: string[],
  args: Argument[],
  wait: [string, ...string[]],
): Promise<unknown[]> {
  try {
    return await script.runWith(redis, keys, args, wait);
  } catch (error) {
    if (!(error instanceof Error && /^(?:NOSCRIPT|MOVED|ASK)\b/.test(error.message))) throw error;
    // Alone it finds its node, and brings its text. To do it twice changes nothing.
    await script.run(redis, keys, args);
    return script.runWith(redis, keys, args, wait);
  }
}
