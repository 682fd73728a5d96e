import { Redis } from 'ioredis';
import type { Log } from '../log.js';

/** Waits between tries to reconnect: 50 ms, growing to one second. Redis coming back should be noticed at once. */
function retryStrategy(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 5), 1_000);
}

const COMMON = { retryStrategy, connectTimeout: 3_000, keepAlive: 10_000, enableReadyCheck: true };

/**
 * A connection on which the receiver writes: a command that cannot be sent now fails now, and one that is not
 * answered in `commandTimeout` milliseconds fails then. Whether the server did it stays unknown.
 */
export function producerConnection(url: string, commandTimeout: number, log: Log): Redis {
  const redis = new Redis(url, {
    ...COMMON,
    commandTimeout,
    enableOfflineQueue: false,
    // The accept path has its own nonce per job, so that what ioredis sends again changes nothing.
    maxRetriesPerRequest: 1,
    connectionName: 'hookline-receiver',
  });
  return logged(redis, log);
}

/** A connection from which a worker takes jobs: it waits for Redis for as long as it takes (BullMQ asks for null). */
export function workerConnection(url: string, log: Log): Redis {
  return logged(
    new Redis(url, { ...COMMON, maxRetriesPerRequest: null, connectionName: 'hookline-worker' }),
    log,
  );
}

/** One line when Redis goes and one when it comes back, however many tries lie between. */
function logged(redis: Redis, log: Log): Redis {
  let lost = false;
  redis.on('error', (error: Error) => {
    if (lost) return;
    lost = true;
    log.error({ reason: error.message }, 'Redis cannot be reached; trying again');
  });
  redis.on('close', () => {
    if (!lost && redis.status !== 'end') log.warn({}, 'connection to Redis closed');
  });
  redis.on('ready', () => {
    if (lost) log.info({}, 'Redis is back');
    lost = false;
  });
  return redis;
}

/** Ends a connection politely, or at once when Redis does not answer. Never throws. */
export async function closeConnection(redis: Redis): Promise<void> {
  if (redis.status === 'end') return;
  const deadline = setTimeout(() => redis.disconnect(), 1_000);
  try {
    await redis.quit();
  } catch {
    redis.disconnect();
  } finally {
    clearTimeout(deadline);
  }
}
