/** Is the process alive, and could it accept a delivery now? */
import type { FastifyInstance } from 'fastify';
import { withDeadline } from '../lib/deadline.js';

const PROBE_DEADLINE = 1_000;

export interface HealthOptions {
  /** First part of every Redis key. */
  keyPrefix: string;
}

export default async function health(fastify: FastifyInstance, { keyPrefix }: HealthOptions) {
  fastify.get('/health/live', async () => ({ status: 'live' }));

  fastify.get('/health/ready', async (_request, reply) => {
    const process = fastify.draining.active ? 'shutting down' : 'ok';
    const { state, ...figures } = fastify.spoolStatus();
    const parts = { process, redis: await probeRedis(), spool: state };
    // Either takes a delivery.
    const ready = process === 'ok' && (parts.redis === 'ok' || parts.spool === 'ok');
    if (!ready) reply.code(503).header('retry-after', '5');
    return { status: ready ? 'ready' : 'unavailable', parts, spool: figures };
  });

  /** Writes, since a Redis that only reads (a replica, out of memory, a full disk) answers PING all the same. */
  async function probeRedis(): Promise<string> {
    if (fastify.redis.status !== 'ready') return `unreachable (${fastify.redis.status})`;
    try {
      await withDeadline(fastify.redis.set(`${keyPrefix}:ready`, '1', 'EX', 60), PROBE_DEADLINE);
      return 'ok';
    } catch (error) {
      // Redis' own error codes (READONLY, OOM, MISCONF) are its first word; the rest may name hosts.
      return `cannot write (${/^[A-Z]{2,}\b/.exec((error as Error).message)?.[0] ?? 'no answer in time'})`;
    }
  }
}
