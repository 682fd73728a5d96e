/** The receiver's connection to Redis. It need not be up for the process to start: until it is, deliveries go to the spool. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { RedisConnection } from '../lib/queue/connection.js';
import { withDeadline } from '../lib/deadline.js';
import { closeConnection, producerConnection } from '../lib/queue/connection.js';
import type { Durability } from '../lib/queue/durability.js';
import { DurabilityError, checkDurability, checkPersistence } from '../lib/store/check-redis.js';

declare module 'fastify' {
  interface FastifyInstance {
    redis: RedisConnection;
  }
}

export interface RedisOptions {
  redisUrl: string;
  acceptTimeout: number;
  /** Look for settings with which Redis would lose events; the embedded store has the right ones. */
  checkSettings: boolean;
  durability: Durability;
}

const START_WAIT = 5_000;

async function redis(fastify: FastifyInstance, options: RedisOptions) {
  const { redisUrl, acceptTimeout, checkSettings, durability } = options;
  const connection = producerConnection(redisUrl, acceptTimeout, fastify.log);
  fastify.decorate('redis', { getter: () => connection });
  fastify.addHook('onClose', () => closeConnection(connection));

  try {
    await withDeadline(untilReady(connection), START_WAIT);
    await checkDurability(connection, durability);
    if (checkSettings) await warnOfLoss(fastify, connection);
  } catch (error) {
    if (error instanceof DurabilityError) throw error;
    fastify.log.error(
      { reason: (error as Error).message },
      'Redis is not there yet; until it is, deliveries go to the spool, or are answered 503 without one',
    );
  }
}

async function untilReady(connection: RedisConnection): Promise<void> {
  if (connection.status === 'ready') return;
  await new Promise<void>((resolve) => connection.once('ready', () => resolve()));
}

async function warnOfLoss(fastify: FastifyInstance, connection: RedisConnection): Promise<void> {
  for (const { setting, message } of await checkPersistence(connection))
    fastify.log.warn({ setting }, message);
}

export default fp(redis, { name: 'redis', fastify: '5.x' });
