/** One queue for every known source, enabled or not, so that the dashboard shows what a disabled one left. */
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { DeliveryQueue, type DeliveryQueueOptions } from '../lib/queue/delivery-queue.js';

declare module 'fastify' {
  interface FastifyInstance {
    queues: ReadonlyMap<string, DeliveryQueue>;
  }
}

export interface QueuesOptions extends Omit<DeliveryQueueOptions, 'redis' | 'log' | 'shards'> {
  names: string[];
  /** Over how many queues each source is spread, by its name. */
  shards: Record<string, number>;
}

async function queues(fastify: FastifyInstance, { names, shards, ...options }: QueuesOptions) {
  const all = new Map(
    names.map((name) => [
      name,
      new DeliveryQueue(name, {
        ...options,
        redis: fastify.redis,
        log: fastify.log,
        shards: shards[name] ?? 1,
      }),
    ]),
  );
  // Otherwise the first delivery does it.
  if (fastify.redis.status === 'ready')
    await Promise.all([...all.values()].map((queue) => queue.shards().catch(() => {})));
  fastify.decorate('queues', all);
  fastify.addHook('onClose', async () => {
    await Promise.all([...all.values()].map((queue) => queue.close()));
  });
}

export default fp(queues, { name: 'queues', dependencies: ['redis'], fastify: '5.x' });
