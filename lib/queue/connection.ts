import { Cluster, Redis } from 'ioredis';
import type { Log } from '../log.js';
import { endWhenClosed } from './ending-cluster.js';
import { parseRedisAddress } from './redis-address.js';
import { sendTogether } from './send-together.js';

/** A connection to one Redis, to whichever the Sentinels say, or to a Cluster. */
export type RedisConnection = Redis | Cluster;

/** Waits between tries to reconnect: 50 ms, growing to one second. Redis coming back should be noticed at once. */
function retryStrategy(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 5), 1_000);
}

/**
 * Milliseconds of silence after a command. A primary that hangs closes no connection, and meanwhile another one may have
 * taken over: look again. BullMQ's commands that wait do so for 10 s at most.
 */
const SOCKET_TIMEOUT = 20_000;

/**
 * A worker's command for a node of a Cluster that is away is tried again every 100 ms, for as long as it takes. Each
 * queue has a connection that talks to one node only: it asks now and then (ms) where the others are, or it would know
 * none any more when that one goes.
 */
const FOR_WORKERS = { maxRedirections: Infinity, slotsRefreshInterval: 10_000 };

const COMMON = { connectTimeout: 3_000, keepAlive: 10_000, enableReadyCheck: true };

/**
 * A connection on which the receiver writes: a command that cannot be sent now fails now, and one that is not
 * answered in `commandTimeout` milliseconds fails then. Whether the server did it stays unknown.
 * @throws {RedisAddressError}
 */
export function producerConnection(url: string, commandTimeout: number, log: Log): RedisConnection {
  const options = {
    commandTimeout,
    // The accept path has its own nonce per job, so that what ioredis sends again changes nothing.
    maxRetriesPerRequest: 1,
    connectionName: 'hookline-receiver',
  };
  return logged(connect(url, options, false), log);
}

/**
 * A connection from which a worker takes jobs: it waits for Redis for as long as it takes (BullMQ asks for null).
 * @throws {RedisAddressError}
 */
export function workerConnection(url: string, log: Log): RedisConnection {
  const redis = connect(url, { maxRetriesPerRequest: null, connectionName: 'hookline-worker' }, true);
  sendTogether(redis);
  return logged(redis, log);
}

/** Every node that takes writes: what Redis tells of itself is told of one node. */
export function primariesOf(redis: RedisConnection): Redis[] {
  return redis instanceof Cluster ? redis.nodes('master') : [redis];
}

/** In what the connections of receivers and workers differ. */
interface Own {
  commandTimeout?: number;
  maxRetriesPerRequest: number | null;
  connectionName: string;
}

/** @param enableOfflineQueue do commands wait while there is no connection? */
function connect(url: string, own: Own, enableOfflineQueue: boolean): RedisConnection {
  const address = parseRedisAddress(url);
  const options = { ...COMMON, ...own };
  if (address.form === 'single') {
    return new Redis(address.url, { ...options, retryStrategy, enableOfflineQueue });
  }
  const { form: _form, tls, ...rest } = address;
  const secure = tls ? { tls: {} } : {};
  const several = { ...options, ...secure, socketTimeout: SOCKET_TIMEOUT };
  if ('sentinels' in rest) {
    return new Redis({
      ...several,
      ...rest,
      retryStrategy,
      enableOfflineQueue,
      ...(tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
      sentinelCommandTimeout: COMMON.connectTimeout,
      sentinelRetryStrategy: retryStrategy,
      // One that has become a replica unawares: ask the Sentinels again. Of a script Redis 6 says so behind its line.
      reconnectOnError: ({ message }) => /^READONLY|: -READONLY/.test(message),
    });
  }
  const { nodes, ...login } = rest;
  const cluster = new Cluster(nodes, {
    clusterRetryStrategy: retryStrategy,
    ...(own.maxRetriesPerRequest === null && FOR_WORKERS),
    enableOfflineQueue,
    slotsRefreshTimeout: COMMON.connectTimeout,
    // Names stay names, for certificates to be checked against.
    dnsLookup: (host, callback) => callback(null, host),
    redisOptions: { ...several, ...login },
  });
  return endWhenClosed(cluster);
}

/** One line when Redis goes and one when it comes back, however many tries lie between. */
function logged(redis: RedisConnection, log: Log): RedisConnection {
  let lost = false;
  let closed = false;
  redis.on('error', (error: Error) => {
    if (lost) return;
    lost = true;
    log.error({ reason: error.message }, 'Redis cannot be reached; trying again');
  });
  redis.on('close', () => {
    // A Cluster that cannot be reached closes at each try, without an error.
    if (!lost && !closed && redis.status !== 'end') log.warn({}, 'connection to Redis closed');
    closed = true;
  });
  redis.on('ready', () => {
    if (lost) log.info({}, 'Redis is back');
    lost = false;
    closed = false;
  });
  return redis;
}

/** Ends a connection politely, or at once when Redis does not answer. Never throws. */
export async function closeConnection(redis: RedisConnection): Promise<void> {
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
